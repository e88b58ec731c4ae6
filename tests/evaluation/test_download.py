"""What `s3://...` names is downloaded within limits, and read as if it had been on disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from evaluation.__main__ import main
from prediction.places import download as downloading
from prediction.places.download import download
from prediction.places.errors import PlaceError
from tests.evaluation.datasets import PLANS, ROOM, WALL, entries, write_dataset, write_json, write_labels


class Bucket:
    """The calls of S3's client that a download makes, on objects by key."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.claimed_size: int | None = None

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        found = [key for key in self.objects if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "Size": len(self.objects[key])}]} for key in found] or [{}]

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, int]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return {"ContentLength": self.claimed_size or len(self.objects[Key])}

    def download_file(self, bucket: str, key: str, path: str) -> None:
        Path(path).write_bytes(self.objects[key])


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


def test_what_cannot_be_downloaded_is_refused(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlaceError, match=r"s3://b/none\.json cannot be downloaded \(404\): Not Found"):
        download("s3://b/none.json", tmp_path / "1")
    with pytest.raises(PlaceError, match="does not name an object or a folder"):
        download("s3://b", tmp_path / "2")
    bucket.objects["big.json"], bucket.claimed_size = b"{}", 5_000_000_000
    with pytest.raises(PlaceError, match=r"has 5,000,000,000 bytes, more than the 4,000,000,000"):
        download("s3://b/big.json", tmp_path / "3")
    bucket.objects["run/../../outside.txt"] = b""
    with pytest.raises(PlaceError, match=r"holds '\.\./\.\./outside\.txt', which leaves its folder"):
        download("s3://b/run", tmp_path / "4")
    monkeypatch.setattr(downloading, "MAX_OBJECTS", 2)
    bucket.objects |= {f"many/{number}.txt": b"" for number in range(3)}
    with pytest.raises(PlaceError, match="more than 2 objects"):
        download("s3://b/many", tmp_path / "5")


def test_no_credentials_are_one_sentence(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> io.BytesIO:
        raise NoCredentialsError

    monkeypatch.setattr(bucket, "paginate", refuse)
    with pytest.raises(PlaceError, match="cannot be downloaded: Unable to locate credentials"):
        download("s3://b/results.json", tmp_path)
