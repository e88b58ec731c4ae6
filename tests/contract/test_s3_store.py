"""A data set in S3 is checked like one in a directory, by listing, checksums and the images' first bytes."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from dataset_contract.check import check_dataset
from dataset_contract.findings import Report
from dataset_contract.png import HEAD_LENGTH
from dataset_contract.stores import DatasetStore, DirectoryStore, S3Store
from tests.contract.samples import SampleDataset, png

PREFIX = "dino-data/"
TRAIN_1 = "train/images/000001.png"


class FakeS3:
    """S3 as far as the store uses it: two keys a page, checksums only where they are asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.objects = {PREFIX + path: data for path, data in files.items()}
        self.checksums = {key: _base64_sha256(data) for key, data in self.objects.items()}
        self.bytes_read: dict[str, int] = {}
        self._lock = threading.Lock()

    def get_paginator(self, operation_name: str, /) -> Any:
        assert operation_name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:
        assert Bucket == "bucket"
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        for start in range(0, len(keys), 2):
            yield {"Contents": [{"Key": key, "Size": len(self.objects[key])} for key in keys[start : start + 2]]}
        yield {}

    def get_object(self, *, Bucket: str, Key: str, Range: str | None = None) -> Any:
        assert Bucket == "bucket"
        data = self.objects[Key]
        if Range is not None:
            first, last = map(int, Range.removeprefix("bytes=").split("-"))
            data = data[first : last + 1]
        with self._lock:
            self.bytes_read[Key] = self.bytes_read.get(Key, 0) + len(data)
        return {"Body": io.BytesIO(data)}

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str | None = None) -> Any:
        assert Bucket == "bucket"
        checksum = self.checksums.get(Key)
        return {"ChecksumSHA256": checksum} if ChecksumMode == "ENABLED" and checksum else {}


def _base64_sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@pytest.fixture
def s3() -> FakeS3:
    """A sound data set."""
    return FakeS3(SampleDataset().all_files())


def store_of(s3: FakeS3, prefix: str = "dino-data") -> DatasetStore:
    return S3Store(cast("Any", s3), "bucket", prefix)


def check(s3: FakeS3) -> Report:
    return check_dataset(store_of(s3))


def test_it_is_the_same_data_set_as_in_a_directory(s3: FakeS3, tmp_path: Path) -> None:
    report = check(s3)
    assert report.findings == []
    assert report == check_dataset(DirectoryStore(SampleDataset().write(tmp_path)))


def test_images_are_not_downloaded(s3: FakeS3) -> None:
    check(s3)
    assert s3.bytes_read[PREFIX + TRAIN_1] == HEAD_LENGTH


@pytest.mark.parametrize("prefix", ["dino-data", "dino-data/", "/dino-data/"])
def test_the_prefix_may_have_slashes_around_it(s3: FakeS3, prefix: str) -> None:
    store = store_of(s3, prefix)
    assert store.location == "s3://bucket/dino-data/"
    assert TRAIN_1 in store.list()


def test_a_prefix_that_only_starts_alike_is_another_place(s3: FakeS3) -> None:
    s3.objects["dino-data-old/manifest.json"] = b"{}"
    assert check(s3).findings == []
    assert "manifest.json" not in store_of(s3, "dino").list()


def test_the_whole_bucket_may_be_the_data_set() -> None:
    s3 = FakeS3({})
    s3.objects = dict(SampleDataset().all_files())
    s3.checksums = {key: _base64_sha256(data) for key, data in s3.objects.items()}
    assert check_dataset(store_of(s3, "")).findings == []


def test_folder_markers_of_the_console_are_no_files(s3: FakeS3) -> None:
    s3.objects |= {PREFIX: b"", PREFIX + "train/": b""}
    assert check(s3).findings == []


def test_nothing_uploaded_is_one_clear_error() -> None:
    (finding,) = check(FakeS3({})).findings
    assert finding.code == "MANIFEST_MISSING"
    assert "s3://bucket/dino-data/" in finding.message


def test_a_missing_object_is_found(s3: FakeS3) -> None:
    del s3.objects[PREFIX + TRAIN_1]
    (finding,) = check(s3).findings
    assert (finding.code, finding.severity.value, finding.file) == ("FILE_MISSING", "error", TRAIN_1)


def test_another_content_is_found_by_the_checksum_alone(s3: FakeS3) -> None:
    size = len(s3.objects[PREFIX + TRAIN_1])
    data = next(data for data in (png(shade=shade) for shade in range(9, 256)) if len(data) == size)
    s3.objects[PREFIX + TRAIN_1] = data
    s3.checksums[PREFIX + TRAIN_1] = _base64_sha256(data)
    (finding,) = check(s3).findings
    assert (finding.code, finding.severity.value, finding.file) == ("FILE_HASH_DIFFERS", "error", TRAIN_1)


@pytest.mark.parametrize("checksum", [None, "AAAA", "jmVt-3", _base64_sha256(b"part hashes") + "-3"])
def test_an_object_without_a_checksum_of_its_whole_is_a_warning(s3: FakeS3, checksum: str | None) -> None:
    s3.checksums[PREFIX + TRAIN_1] = checksum or ""
    (finding,) = check(s3).findings
    assert (finding.code, finding.severity.value, finding.file) == ("FILE_CHECKSUM_MISSING", "warning", TRAIN_1)


def test_extra_objects_and_names_that_differ_in_case_are_found(s3: FakeS3) -> None:
    extra = ["old.txt", "Train/images/000001.png", "notes/A.txt", "notes/a.txt", "notes/", "train/", ""]
    s3.objects |= {PREFIX + path: b"" if path.endswith("/") or not path else b"1" for path in extra}
    found = {finding.file: finding.code for finding in check(s3).findings}
    assert found == {
        "old.txt": "FILE_EXTRA",
        "Train/images/000001.png": "FILE_CASE_COLLISION",
        "notes/A.txt": "FILE_CASE_COLLISION",
        "notes/a.txt": "FILE_EXTRA",
    }


BREAKS_THE_DOWNLOAD = {
    "train": "is a file where others have a folder",
    "TRAIN": "is a file where others have a folder",
    "train/images": "is a file where others have a folder",
    "train/annotations.json/x": "is below train/annotations.json, which is a file",
    "train/annotations.json/": "is where there is a file",
    "TRAIN/Annotations.JSON/x": "is below train/annotations.json, which is a file",
    "manifest.json/x": "is below manifest.json, which is a file",
    "train/images/000001.png/": "is where there is a file",
    "../up.txt": "leaves its folder by `..`",
    "../": "leaves its folder by `..`",
    "a/../../up.txt": "leaves its folder by `..`",
    "./a.txt": "has an empty part or `.`",
    "a//b": "has an empty part or `.`",
    "a//": "has an empty part or `.`",
    "/": "is absolute",
    "//etc/passwd": "is absolute",
    "a\\b": "holds a backslash",
    "a\nb": "holds a control character",
    "a\x1b[2Jb": "holds a control character",
    "a\0b": "holds a control character",
    "a\u202eb": "holds an unprintable character",
    "a\x9bb": "holds an unprintable character",
    "a" * 256: "has a part longer than 255 bytes",
    "\u00e9" * 128: "has a part longer than 255 bytes",
    "a/" * 300 + "b": "is longer than 512 characters",
    "CON": "has a part that is a device's name on Windows",
}


@pytest.mark.parametrize("content", [b"", b"1"])
@pytest.mark.parametrize("key", BREAKS_THE_DOWNLOAD)
def test_an_object_that_only_breaks_the_download_is_an_error_that_names_it(
    s3: FakeS3, key: str, content: bytes
) -> None:
    s3.objects[PREFIX + key] = content
    (finding,) = check(s3).findings
    assert (finding.code, finding.severity.value) == ("FILE_PATH_REFUSED", "error")
    if not (key.endswith("/") and content):
        assert BREAKS_THE_DOWNLOAD[key] in finding.message
    assert all(str(text).isprintable() and len(str(text)) < 400 for text in (finding.message, finding.fix))


def test_a_folder_marker_with_content_is_a_file_without_a_name(s3: FakeS3) -> None:
    s3.objects[PREFIX + "train/"] = b"1"
    (finding,) = check(s3).findings
    assert (finding.code, finding.file) == ("FILE_PATH_REFUSED", "train/")


def test_a_listed_file_below_a_listed_file_is_an_error(s3: FakeS3) -> None:
    sample = SampleDataset()
    sample.files["train/images/000001.png/x"] = b"1"
    codes = {finding.code: finding.file for finding in check(FakeS3(sample.all_files())).findings}
    assert codes["FILE_PATH_REFUSED"] == "train/images/000001.png/x"


def test_a_failure_of_s3_itself_is_not_a_finding(s3: FakeS3, monkeypatch: pytest.MonkeyPatch) -> None:
    class ThrottledError(Exception):
        pass

    def throttle(**_: Any) -> Any:
        raise ThrottledError

    monkeypatch.setattr(s3, "head_object", throttle)
    with pytest.raises(ThrottledError):
        check(s3)
