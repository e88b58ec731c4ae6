"""`python -m runs predict`: a quote, a yes, one batch of what is not answered yet, and what has no answer is named."""

from __future__ import annotations

import io
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from serving.settings import MAX_BYTES

from runs import __main__ as command
from runs.batch_quote import MOST_USD_OF_A_PLAN, BatchQuote
from tests.runs.cloud_in_memory import BUCKET, refusal
from tests.runs.serving_in_memory import MODELS, ServingCloud


class Keyboard(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> ServingCloud:
    cloud = ServingCloud()
    monkeypatch.setattr(boto3, "Session", lambda: cloud)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    return cloud


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    (folder / "flats").mkdir(parents=True)
    for name in ("a.png", "flats/b.pdf", "flats/c.JPG"):
        (folder / name).write_bytes(name.encode())
    (folder / "notes.txt").write_text("no plan")
    return folder


def predict(plans: Path | str, to: Path, *more: str) -> int:
    return command.main(["predict", str(plans), "--to", str(to), *more])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_answers_of_a_folder_come_under_the_names_of_its_plans(
    cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(plans, tmp_path / "to", "--yes") == 0
    assert files(tmp_path / "to") == {
        f"{name}{suffix}"
        for name in ("a.png", "flats/b.pdf", "flats/c.JPG")
        for suffix in (".svg", ".drawn.png", ".prediction.json")
    }
    (keys,) = cloud.batches
    assert len(keys) == 3
    assert all(key.startswith("batches/plans/") for key in keys), "plans/ would start a prediction by itself"
    said = capsys.readouterr().out
    assert "Predict on 3 plans, 4 at a time: about 1 minute and 0." in said
    assert "3 plans have an answer in" in said


def test_a_batch_that_aws_does_not_show_yet_is_followed(cloud: ServingCloud, plans: Path, tmp_path: Path) -> None:
    cloud.shown_late = 2
    assert predict(plans, tmp_path / "to", "--yes") == 0
    assert cloud.shown_late == 0


def test_what_is_answered_is_not_predicted_on_again_under_whatever_name(
    cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(plans, tmp_path / "to", "--yes") == 0
    capsys.readouterr()
    (plans / "a.png").rename(plans / "renamed.png")
    (plans / "copy.png").write_bytes((plans / "renamed.png").read_bytes())
    read = len(cloud.uploads)
    assert predict(plans, tmp_path / "to") == 0, "nobody needs to be asked"
    assert len(cloud.batches) == 1
    assert len(cloud.uploads) == read
    assert "4 plans are answered already by version" in capsys.readouterr().out
    assert (tmp_path / "to" / "copy.png.prediction.json").is_file()


def test_another_models_answers_count_for_nothing(cloud: ServingCloud, plans: Path, tmp_path: Path) -> None:
    assert predict(plans, tmp_path / "to", "--yes") == 0
    uploads = [key for key in cloud.uploads if key.startswith("batches/plans/")]
    cloud.approvals[f"{MODELS}2"] = "Approved"
    assert predict(plans, tmp_path / "to", "--yes") == 0
    assert len(cloud.batches[1]) == 3
    assert [key for key in cloud.uploads if key.startswith("batches/plans/")] == uploads, "the plans are there"
    assert f"{MODELS}2" in (tmp_path / "to" / "a.png.prediction.json").read_text()


def test_a_plan_that_fails_is_named_and_the_rest_goes_on(
    cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {
        b"a.png": "refused: PLAN has 3 pages.",
        b"flats/b.pdf": "NoApprovedModel: It is gone\x1b.",
        b"flats/c.JPG": "",
    }
    cloud.function = said.__getitem__
    large = plans / "large.png"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert predict(plans, tmp_path / "to", "--yes") == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"{plans}/a.png has 3 pages." in lines
    failed = f"{plans}/flats/b.pdf has no answer (NoApprovedModel: It is gone\\x1b): the log of the serving function"
    assert any(line.startswith(failed) for line in lines)
    assert any(line.startswith(f"{large} cannot be read (it has 50,000,001 bytes, more than") for line in lines)
    assert lines[-1] == f"1 plan has an answer in {tmp_path / 'to'}, 3 have none."
    cloud.function = lambda _: ""
    large.unlink()
    assert predict(plans, tmp_path / "to", "--yes") == 0
    assert len(cloud.batches[1]) == 2, "those that had no answer"


@pytest.mark.parametrize("earlier", ["", "refused: PLAN has 3 pages."], ids=["answered", "refused"])
def test_why_a_plan_failed_is_told_though_there_is_an_earlier_answer(
    earlier: str, cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plans / "a.png"
    cloud.function = lambda _: earlier
    predict(plan, tmp_path / "to", "--yes")
    capsys.readouterr()
    cloud.approvals[f"{MODELS}2"] = "Approved"
    cloud.function = lambda _: "Sandbox.Timedout: It took too long."
    assert predict(plan, tmp_path / "to", "--yes") == 1
    assert f"{plan} has no answer (Sandbox.Timedout: It took too long)" in capsys.readouterr().out


def test_plans_of_the_bucket_are_taken_where_they_are(
    cloud: ServingCloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("flats/a.png", "flats/b.png", "flats/list.txt", "other.png", "flats/../c.png"):
        cloud.put(f"plans/{name}", name.encode())
    cloud.answer("plans/flats/a.png")
    cloud.answer("plans/flats/b.png")
    cloud.put("plans/flats/b.png", b"replaced")
    assert predict(f"s3://{BUCKET}/plans/flats", tmp_path, "--yes") == 1
    assert cloud.batches == [["plans/flats/b.png"]]
    assert cloud.uploads[0].startswith("batches/lists/")
    assert files(tmp_path) == {f"{n}.png{s}" for n in "ab" for s in (".svg", ".drawn.png", ".prediction.json")}
    assert "plans/flats/../c.png has a name that" in capsys.readouterr().out


def test_one_plan_of_the_bucket_may_be_named(cloud: ServingCloud, tmp_path: Path) -> None:
    cloud.put("plans/flats/a.png", b"a")
    cloud.put("plans/flats/a.png.png", b"another")
    assert predict(f"s3://{BUCKET}/plans/flats/a.png", tmp_path, "--yes") == 0
    assert cloud.batches == [["plans/flats/a.png"]]
    assert files(tmp_path) == {f"a.png{suffix}" for suffix in (".svg", ".drawn.png", ".prediction.json")}


def test_a_name_too_long_for_its_answers_is_told_before_anything_is_predicted_on(
    cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longest, longer = (f"{'x' * (length - 4)}.png" for length in (215, 216))
    for name in (longest, longer):
        (plans / name).write_bytes(name.encode())
        cloud.put(f"plans/{name}", name.encode())
    assert predict(plans, tmp_path / "to", "--yes") == 1
    assert f"{longer} has a name that is 216 bytes long, too long with the answers' endings: rename it." in (
        capsys.readouterr().out
    )
    assert len(cloud.batches[0]) == 4
    assert predict(f"s3://{BUCKET}/plans", tmp_path / "again", "--yes") == 1
    assert cloud.batches[1] == [f"plans/{longest}"]


def test_a_plan_that_was_answered_within_its_own_second_is_not_predicted_on_again(
    cloud: ServingCloud, tmp_path: Path
) -> None:
    """A read object has its time in whole seconds; a list may have it in milliseconds."""
    cloud.between_writes = timedelta(milliseconds=3)
    cloud.put("plans/flats/a.png", b"a")
    cloud.answer("plans/flats/a.png")
    assert predict(f"s3://{BUCKET}/plans/flats", tmp_path) == 0, "nobody needs to be asked"
    assert cloud.batches == []


def test_without_a_yes_nothing_is_started(
    cloud: ServingCloud,
    plans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert predict(plans, tmp_path / "to") == 1
    assert "agree with --yes" in capsys.readouterr().err
    for answer, status in (("\n", 1), ("n\n", 1), ("", 1), ("Yes\n", 0)):
        assert cloud.uploads == []
        monkeypatch.setattr(sys, "stdin", Keyboard(answer))
        assert predict(plans, tmp_path / "to") == status
    assert len(cloud.batches) == 1


def test_a_batch_that_runs_is_waited_for(
    cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.other_batch = ["RUNNING", "RUNNING", "SUCCEEDED"]
    assert predict(plans, tmp_path / "to", "--yes") == 0
    assert cloud.other_batch == []
    assert "The batch other is running" in capsys.readouterr().out


def test_a_batch_that_ends_as_a_whole_says_why(
    cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.status = "FAILED"
    assert predict(plans, tmp_path / "to", "--yes") == 1
    assert " is FAILED (States.ItemReaderFailed: it is not there): repeat the command" in capsys.readouterr().err


def test_ctrl_c_leaves_the_batch_running(
    cloud: ServingCloud,
    plans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud, "describe_map_run", interrupt)
    assert predict(plans, tmp_path / "to", "--yes") == 130
    assert "A batch that was started goes on: repeat the command" in capsys.readouterr().out
    assert len(cloud.batches) == 1
    assert cloud.stopped == []


def test_what_cannot_be_started_is_one_sentence(
    cloud: ServingCloud, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for given, to, said in (
        (plans, plans, f"--to {plans} is where the plans are"),
        (tmp_path / "empty", tmp_path / "to", "holds no plan: .avif, "),
        (tmp_path / "nowhere", tmp_path / "to", "does not exist: give a folder"),
        ("s3://other/plans/", tmp_path / "to", f"is not below s3://{BUCKET}/plans/"),
        (f"s3://{BUCKET}/reports/", tmp_path / "to", f"is not below s3://{BUCKET}/plans/"),
        (f"s3://{BUCKET}/plans/none", tmp_path / "to", "holds no plan"),
        (f"s3://{BUCKET}/plans", tmp_path / "to", "holds no plan"),
    ):
        assert predict(given, to, "--yes") == 1
        assert said in capsys.readouterr().err
    cloud.approvals = {}
    assert predict(plans, tmp_path / "to", "--yes") == 1
    assert capsys.readouterr().err.startswith("No model is approved: `python -m runs approve`")
    del cloud.stacks["FloorplanDino-Serving"]
    assert predict(plans, tmp_path / "to", "--yes") == 1
    assert "no stack FloorplanDino-Serving in us-east-1: deploy it (`cdk deploy --all -c serving=true`)" in (
        capsys.readouterr().err.replace("\n", " ")
    )
    assert cloud.uploads == []


def test_a_registry_that_is_busy_is_one_sentence(
    cloud: ServingCloud,
    plans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def busy(**_: object) -> None:
        raise refusal("ThrottlingException", "Rate exceeded", "ListModelPackages")

    monkeypatch.setattr(cloud, "list_model_packages", busy)
    assert predict(plans, tmp_path / "to", "--yes") == 1
    assert capsys.readouterr().err.startswith("AWS is busy or out of reach (ListModelPackages: Rate exceeded): try")


def test_the_quote_is_that_of_the_page() -> None:
    """docs/serving.md."""
    quote = BatchQuote(1000, 4)
    assert quote.seconds == pytest.approx(10 + 250 * 2.65, rel=0.01)
    assert quote.usd == pytest.approx(1000 * (0.00013 + 0.00005), rel=0.03)
    longest = 2 * 300 * 2.94 * 0.0000166667 + 124 * 0.000025
    assert longest < MOST_USD_OF_A_PLAN < longest + 0.01
