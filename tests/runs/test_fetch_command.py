"""`python -m runs fetch`: what a run has left, into a folder."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from runs import __main__ as command
from tests.archive_reader.hostile_archives import HOSTILE
from tests.runs.cloud_in_memory import Cloud
from tests.runs.example_runs import archive


def test_fetch_brings_reports_health_and_the_model(cloud: Cloud, tmp_path: Path) -> None:
    cloud.objects = {
        "reports/good/report.json": b"{}",
        "reports/good/report.html": b"<html>",
        "reports/good/metrics-0.json": b"{}",
        "reports/good/batches/00000.json": b"the pipeline's own",
        "reports/good-2/report.json": b"another run's",
        "checkpoints/good/0/health.json": b"{}",
        "checkpoints/good/0/health.json.sagemaker-uploading": b"",
        "training-jobs/job/output/model.tar.gz": archive(("config.json", b"{}"), ("code/x.py", b"")),
    }
    assert command.main(["fetch", "good", "--to", str(tmp_path / "new")]) == 0
    files = sorted(str(path.relative_to(tmp_path / "new")) for path in tmp_path.rglob("*") if path.is_file())
    assert files == [
        "health-0.json",
        "metrics-0.json",
        "model/code/x.py",
        "model/config.json",
        "report.html",
        "report.json",
    ]


def checkpoints(run: str, stage: int, *, epochs: Sequence[int] = (), metrics: bytes | None = None) -> dict[str, bytes]:
    """What the jobs of a stage leave in S3, with `epochs` evaluated."""
    folder = f"checkpoints/{run}/{stage}/"
    evaluations = [{"epoch": epoch, "step": epoch, "f1": 0.5, "mean_f1": 0.4} for epoch in epochs]
    best = json.dumps({"epoch": 1, "step": 1, "mean_f1": 0.4, "evaluations": evaluations}).encode()
    return {
        f"{folder}checkpoint-00000002-0123456789abcdef.pt": b"weights",
        f"{folder}history.jsonl": b'{"step": 1, "loss": 3.5}\n{"step": 2, "loss": 2.5}\n',
        f"{folder}tensorboard/events.out.tfevents.1": b"events",
        **{f"{folder}pictures/epoch-{epoch:04d}/{plan:06d}.png": b"PNG" for epoch in epochs for plan in (7, 8, 9)},
        **({f"{folder}metrics.json": metrics or best} if epochs or metrics else {}),
    }


def test_fetch_brings_the_last_pictures_and_the_curves_of_each_stage(cloud: Cloud, tmp_path: Path) -> None:
    cloud.objects = checkpoints("bad", 0, epochs=range(1, 8)) | checkpoints("bad", 1)
    # What SageMaker copies of a file that is being written.
    cloud.objects["checkpoints/bad/0/pictures/epoch-0007/.000008.png.0123456789abcdef.tmp"] = b"P"
    assert command.main(["fetch", "bad", "--to", str(tmp_path)]) == 0
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    pictures = [f"pictures-0/epoch-0007/{plan:06d}.png" for plan in (7, 8, 9)]
    assert files == ["curves-0.png", "curves-1.png", *pictures]
    heights = []
    for stage in (0, 1):
        with Image.open(tmp_path / f"curves-{stage}.png") as picture:
            picture.load()
            heights.append(picture.height)
    assert heights[0] > heights[1]  # it has F1, too


def test_without_checkpoints_the_curves_are_those_of_the_model(cloud: Cloud, tmp_path: Path) -> None:
    files = checkpoints("good", 0, epochs=(1, 2))
    members = [(name, files[f"checkpoints/good/0/{name}"]) for name in ("history.jsonl", "metrics.json")]
    cloud.objects = {"training-jobs/job/output/model.tar.gz": archive(*members)}
    assert command.main(["fetch", "good", "--to", str(tmp_path)]) == 0
    assert (tmp_path / "curves-0.png").is_file()


def test_a_folder_that_cannot_be_written_is_one_sentence(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert command.main(["fetch", "--to", str(tmp_path / "file" / "run")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path}/file/run cannot be read or written: Not a directory. Name a folder")


def test_a_damaged_history_is_one_sentence(cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.objects = checkpoints("bad", 0, metrics=b"[]")
    assert command.main(["fetch", "bad", "--to", str(tmp_path)]) == 1
    assert "delete both in S3 to fetch the rest" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("attack", HOSTILE)
def test_nothing_is_unpacked_outside_the_folder(
    attack: str, cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.objects = {"training-jobs/job/output/model.tar.gz": HOSTILE[attack]}
    folder = tmp_path / "in" / "to"
    assert command.main(["fetch", "good", "--to", str(folder)]) == 1
    assert [*tmp_path.rglob("*")] == [folder.parent, folder]
    complaint = capsys.readouterr().err
    assert "cannot be unpacked, so nothing of it is kept: the archive " in complaint
    assert complaint.removesuffix("\n").isprintable()


@pytest.mark.parametrize(
    "content", [b"no archive", archive(("config.json", b"{}" * 1000))[:-40]], ids=["none", "cut short"]
)
def test_a_damaged_archive_leaves_no_half_of_a_model(
    content: bytes, cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.objects = {"training-jobs/job/output/model.tar.gz": content}
    assert command.main(["fetch", "good", "--to", str(tmp_path)]) == 1
    assert list(tmp_path.iterdir()) == []
    assert "cannot be unpacked" in capsys.readouterr().err


def test_a_model_that_is_there_is_not_replaced(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    assert command.main(["fetch", "good", "--to", str(tmp_path)]) == 1
    assert "already exists" in capsys.readouterr().err


def test_an_object_whose_name_is_no_file_name_is_refused(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.objects = {"reports/good/..": b"x"}
    assert command.main(["fetch", "good", "--to", str(tmp_path)]) == 1
    assert "cannot be a file name" in capsys.readouterr().err


def test_fetch_of_a_failed_run_brings_what_there_is(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.objects = {"reports/bad/report.json": b"{}"}
    assert command.main(["fetch", "bad", "--to", str(tmp_path)]) == 0
    assert "There is no model of bad: it is FAILED, TrainingFailed." in capsys.readouterr().out
