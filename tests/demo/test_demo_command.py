"""What goes wrong in the demo is one sentence and a status."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from demo import __main__ as demo
from local_aws.ministack_process import MinistackError


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
