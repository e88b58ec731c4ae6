"""Downloads what `s3://...` names, a file or a folder, within limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.aws_errors import error_code, error_message
from pipeline.s3_layout import bucket_and_key

from archive_reader.tar_members import MODEL_LIMITS
from dataset_contract.layout import path_problem
from dataset_contract.sanitise import sanitise, short
from evaluation.refusal import EvaluationError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_OBJECTS = 100_000
"""One label file a plan."""


def download(uri: str, folder: Path) -> Path:
    """Download the object, or all objects in the folder, into `folder`; return its path. Raises EvaluationError."""
    import boto3  # noqa: PLC0415  takes a second, and most models are on disk
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    bucket, key = bucket_and_key(uri)
    if not bucket or not key.strip("/"):
        raise EvaluationError(f"{short(uri)} does not name an object or a folder: give s3://BUCKET/KEY.")
    try:
        return _download(boto3.client("s3"), bucket, key, folder)
    except ClientError as error:
        message = sanitise(error_message(error), longest=300)
        raise EvaluationError(f"{uri} cannot be downloaded ({error_code(error)}): {message}") from None
    except BotoCoreError as error:
        raise EvaluationError(f"{uri} cannot be downloaded: {sanitise(error, longest=300)}") from None


def _download(s3: S3Client, bucket: str, key: str, folder: Path) -> Path:
    """A folder if there are objects below the key, else the object."""
    prefix = f"{key.rstrip('/')}/"
    sizes: dict[str, int] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if not item["Key"].endswith("/"):
                sizes[item["Key"]] = item["Size"]
        if len(sizes) > MAX_OBJECTS:
            raise EvaluationError(
                f"s3://{bucket}/{prefix} holds more than {MAX_OBJECTS:,} objects: name a folder in it."
            )
    if not sizes:
        sizes[key] = s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
        prefix = key.rpartition("/")[0] + "/" if "/" in key else ""
    if (total := sum(sizes.values())) > MODEL_LIMITS.bytes:
        raise EvaluationError(
            f"s3://{bucket}/{key} has {total:,} bytes, more than the {MODEL_LIMITS.bytes:,} that are downloaded."
        )
    for each in sizes:
        name = each.removeprefix(prefix)
        if problem := path_problem(name):
            raise EvaluationError(f"s3://{bucket}/{prefix} holds {short(name)}, which {problem}: rename the object.")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, each, str(folder / name))
    return folder / key.removeprefix(prefix) if key in sizes else folder
