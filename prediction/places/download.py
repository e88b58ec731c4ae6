"""Downloads what `s3://...` names, a file or a folder, within limits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.aws_errors import SIGN_IN_ERRORS, error_code, error_message
from pipeline.s3_layout import bucket_and_key

from archive_reader.tar_members import MODEL_LIMITS
from dataset_contract.layout import path_problem
from dataset_contract.sanitise import sanitise, short
from prediction.places.errors import PlaceError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3 = "s3://"
MAX_OBJECTS = 100_000
"""One label file or plan an object."""


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object of a listing."""

    bucket: str
    key: str
    name: str
    """Its path below the listed folder, or its last part where the object itself was named."""
    size: int
    """Bytes."""
    etag: str
    """Another one for each content."""

    @property
    def uri(self) -> str:
        """s3://bucket/key."""
        return f"{S3}{self.bucket}/{self.key}"


def download(uri: str, folder: Path) -> Path:
    """Download the object, or all objects in the folder, into `folder`; return its path. Raises PlaceError."""
    objects = list_objects(uri)
    for each in objects:
        if problem := path_problem(each.name):
            raise PlaceError(f"{uri} holds {short(each.name)}, which {problem}: rename the object.")
    if (total := sum(each.size for each in objects)) > MODEL_LIMITS.bytes:
        raise PlaceError(f"{uri} has {total:,} bytes, more than the {MODEL_LIMITS.bytes:,} that are downloaded.")
    for each in objects:
        download_object(each, folder / each.name)
    [first, *others] = objects
    named = not others and first.key == bucket_and_key(uri)[1]
    return folder / first.name if named else folder


def list_objects(uri: str) -> list[S3Object]:
    """All objects in the folder, or where there are none the object of this name; at least one.

    Their names may be no paths: path_problem() tells. Raises PlaceError.
    """
    bucket, key = bucket_and_key(uri)
    if not bucket or not key.strip("/"):
        raise PlaceError(f"{short(uri)} does not name an object or a folder: give s3://BUCKET/KEY.")
    with _refusals_of(uri):
        return _list(_client(), bucket, key)


def download_object(item: S3Object, path: Path) -> None:
    """Write the object to `path`, making its folder. Raises PlaceError."""
    with _refusals_of(item.uri):
        path.parent.mkdir(parents=True, exist_ok=True)
        _client().download_file(item.bucket, item.key, str(path))


def _list(s3: S3Client, bucket: str, key: str) -> list[S3Object]:
    prefix = f"{key.rstrip('/')}/"
    found: list[S3Object] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        found += [
            S3Object(bucket, item["Key"], item["Key"].removeprefix(prefix), item["Size"], item.get("ETag", ""))
            for item in page.get("Contents", [])
            if not item["Key"].endswith("/")
        ]
        if len(found) > MAX_OBJECTS:
            raise PlaceError(f"{S3}{bucket}/{prefix} holds more than {MAX_OBJECTS:,} objects: name a folder in it.")
    if found:
        return found
    head = s3.head_object(Bucket=bucket, Key=key)
    return [S3Object(bucket, key, key.rpartition("/")[2], head["ContentLength"], head.get("ETag", ""))]


def _client() -> S3Client:
    import boto3  # noqa: PLC0415  takes a second, and most models and plans are on disk

    return boto3.client("s3")


@contextmanager
def _refusals_of(uri: str) -> Iterator[None]:
    """Raise PlaceError for what AWS refuses, or the way to it, or the disk."""
    from boto3.exceptions import Boto3Error  # noqa: PLC0415  see _client
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        raise _refused(uri, f"{error_code(error)}: {error_message(error)}") from None
    except SIGN_IN_ERRORS as error:
        shown = sanitise(error, longest=300).rstrip(".")
        raise PlaceError(f"{uri} cannot be downloaded ({shown}): run `aws sso login` and try again.") from None
    except (BotoCoreError, Boto3Error) as error:
        raise _refused(uri, str(error)) from None
    except OSError as error:
        raise PlaceError(
            f"{uri} cannot be downloaded ({sanitise(error.strerror or error)}): make room in {tempfile.gettempdir()},"
            " or set TMPDIR to another folder."
        ) from None


def _refused(uri: str, why: str) -> PlaceError:
    shown = sanitise(why, longest=300).rstrip(".")
    return PlaceError(
        f"{uri} cannot be downloaded ({shown}): check the name, and which AWS credentials and region are set."
    )
