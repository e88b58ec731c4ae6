"""Downloads a model.tar.gz and unpacks it: whole or not at all, and nothing outside its folder."""

import tempfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code
from pipeline.s3_layout import bucket_and_key

from archive_reader.tar_members import MODEL_LIMITS, ArchiveError
from archive_reader.unpacking import unpack
from runs.errors import RunsError


def fetch_model_archive(session: boto3.Session, uri: str, folder: Path) -> None:
    """Unpack s3://bucket/.../model.tar.gz into `folder`, which must not exist yet. Raises RunsError."""
    if folder.exists():
        raise RunsError(f"{folder} already exists: remove it, or name another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    bucket, key = bucket_and_key(uri)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        archive, unpacked = Path(scratch) / "model.tar.gz", Path(scratch) / "model"
        try:
            session.client("s3").download_file(bucket, key, str(archive))
        except ClientError as error:
            if error_code(error) not in ("404", "NoSuchKey"):
                raise
            raise RunsError(f"{uri} is no longer there: somebody deleted the model; choose another run.") from None
        try:
            unpack(archive, unpacked, MODEL_LIMITS)
        except (ArchiveError, OSError) as error:
            raise RunsError(f"{uri} cannot be unpacked, so nothing of it is kept: {error}") from None
        unpacked.rename(folder)
