"""What `s3://...` names is downloaded within limits."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import boto3
import pytest
from boto3.exceptions import Boto3Error, RetriesExceededError
from botocore.exceptions import NoCredentialsError, SSOTokenLoadError

from prediction.places import download as downloading
from prediction.places.download import download
from prediction.places.errors import PlaceError
from prediction.places.model import model_folder
from tests.prediction.s3_bucket import Bucket


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket({})
    monkeypatch.setattr(boto3, "client", lambda _: made)
    return made


def test_what_cannot_be_downloaded_is_refused(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlaceError, match=r"s3://b/none\.json cannot be downloaded \(404: Not Found\): check the name"):
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
    with pytest.raises(PlaceError, match=r"cannot be downloaded \(Unable to locate credentials\): check"):
        download("s3://b/results.json", tmp_path)


def test_a_missing_sign_in_says_how_to_sign_in(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> io.BytesIO:
        raise SSOTokenLoadError(error_msg="Token for x does not exist")

    monkeypatch.setattr(bucket, "paginate", refuse)
    with pytest.raises(PlaceError, match=r"Token for x does not exist\): run `aws sso login` and try again\.$"):
        download("s3://b/results.json", tmp_path)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RetriesExceededError(Boto3Error()), r"cannot be downloaded \(Max Retries Exceeded\): check the name"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            r"\(No space left on device\): make room in /.*, or set TMPDIR",
        ),
    ],
)
def test_a_download_that_breaks_off_is_one_sentence(
    error: Exception, words: str, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    bucket.objects["model.tar.gz"] = b"1"
    monkeypatch.setattr(bucket, "download_file", fail)
    with pytest.raises(PlaceError, match=words):
        model_folder("s3://b/model.tar.gz", tmp_path)
