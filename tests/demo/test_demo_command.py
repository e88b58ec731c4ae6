"""What goes wrong in the demo is one sentence and a status."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from demo import __main__ as demo
from demo.results import remove_earlier
from demo.trained_model import TrainedModel, keep_model
from local_aws.ministack_process import MinistackError
from runs.execution_follower import ExecutionSummary


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (demo.DemoError("plans could not be prepared.", exit_code=2), 2),
        (MinistackError("ministack did not start."), 1),
        (OSError(28, "No space left on device"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_a_failure_is_one_sentence_and_leaves_no_files(
    failure: BaseException,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_console: object, scratch: Path, _source: object, *, serve: bool) -> None:
        assert not serve
        (scratch / "plans").mkdir()
        raise failure

    monkeypatch.setattr(demo, "run", fail)
    monkeypatch.setattr(demo, "BUILD", tmp_path / "build")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert demo.main([]) == status
    shown = capsys.readouterr().out
    assert shown.startswith(("The demo stopped: ", "The demo was interrupted"))
    assert list((tmp_path / "build").iterdir()) == []


def test_a_checkout_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(demo, "BUILD", tmp_path / "file" / "build")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert demo.main([]) == 1
    said = capsys.readouterr().out
    assert said.startswith(
        f"The demo stopped: {tmp_path}/file/build cannot be read or written: Not a directory. It needs"
    )


@pytest.mark.parametrize("name", ["nowhere", "x" * 300])
def test_a_source_that_is_not_there_is_wrong_usage(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        demo.main(["--source", str(tmp_path / name)])
    assert stopped.value.code == 2
    assert "give the folder or file that holds your plans" in capsys.readouterr().err


def test_a_failed_execution_is_told_by_its_sentence() -> None:
    cause = '{"errorMessage": "The data set has no plan.", "errorType": "DatasetInvalid", "stackTrace": ["..."]}'
    ended = ExecutionSummary(arn="arn", status="FAILED", error="DatasetInvalid", cause=cause, states=(), job=None)
    assert str(demo._failure_of(ended)) == (
        "the execution ended with FAILED, DatasetInvalid: The data set has no plan."
    )


def test_a_few_plans_of_ones_own_meet_no_gate_that_they_cannot_be_measured_by() -> None:
    assert demo.request_for(None, serve=False) == {}
    assert demo.request_for(Path("plans"), serve=False) == demo.request_for(None, serve=True) == {"quality_gate": {}}


def test_nothing_of_an_earlier_demo_stays_beside_the_page(tmp_path: Path) -> None:
    for name in ("evaluation/report.html", "model/config.json", "serving/batch/1.svg", "vectors/1.svg", "index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    remove_earlier(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["index.html"]
    (tmp_path / "of this demo").mkdir()
    keep_model(TrainedModel(tmp_path / "of this demo", [], {}), tmp_path / "model")


def test_make_hands_a_path_with_any_letters_on() -> None:
    path = 'my plans (küche) $HOME `false` "x'
    make = ["make", "--no-print-directory", "--dry-run", "demo", f"SOURCE={path.replace('$', '$$')}"]
    *_, line = subprocess.run(make, cwd=demo.ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    shell = ["bash", "-c", line.replace(".venv/bin/python -m demo", "printf '%s\\n'")]
    shown = subprocess.run(
        shell, env={"SOURCE": path, "PATH": "/usr/bin:/bin"}, check=True, capture_output=True, text=True
    )
    assert shown.stdout.splitlines() == ["--source", path]
