"""Results in S3 are read as if they had been on disk."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from evaluation.__main__ import main
from tests.archive_reader.hostile_archives import member, packed
from tests.evaluation.datasets import PLANS, ROOM, WALL, entries, write_dataset, write_json, write_labels
from tests.prediction.s3_bucket import Bucket


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket({})
    monkeypatch.setattr(boto3, "client", lambda _: made)
    return made


def test_a_file_and_a_folder_of_labels(bucket: Bucket, tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data")
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], {WALL: WALL, ROOM: ROOM}))
    bucket.objects["yolo/results.json"] = results.read_bytes()
    for path in write_labels(tmp_path / "labels", PLANS["test"], {ROOM: 0, WALL: 1}).iterdir():
        bucket.objects[f"run/labels/{path.name}"] = path.read_bytes()
    arguments = [f"--data={data}", f"--to={tmp_path / 'to'}", "--model=file=s3://b/yolo/results.json"]
    assert main([*arguments, "--model=labels=s3://b/run/labels/", "--names=labels=room,wall", "--threshold=0.5"]) == 0
    assert '"difference": 0.0' in (tmp_path / "to" / "metrics.json").read_text()


def test_what_was_downloaded_is_called_by_its_place_in_s3(
    bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "data")
    bucket.objects = {"results.json": b"{}", "model.tar.gz": packed(member("readme.txt"))}
    for name, sentence in (
        ("results.json", "s3://b/results.json holds an object, not a list of detections"),
        ("model.tar.gz", "s3://b/model.tar.gz holds no config.json, so it is not a model of this project"),
    ):
        assert main([f"--data={data}", f"--to={tmp_path / 'to'}", f"--model=a=s3://b/{name}"]) == 1
        assert capsys.readouterr().err.startswith(f"evaluation: {sentence}")
