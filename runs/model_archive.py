"""Downloads a model.tar.gz and unpacks it: whole or not at all, and nothing outside its folder."""

import tarfile
import tempfile
import zlib
from pathlib import Path

import boto3
from pipeline.model.artifact_metrics import MAX_MEMBERS, MAX_UNPACKED_BYTES
from pipeline.s3_layout import bucket_and_key

from runs.errors import RunsError


def fetch_model_archive(session: boto3.Session, uri: str, folder: Path) -> None:
    """Unpack s3://bucket/.../model.tar.gz into `folder`, which must not exist yet. Raises RunsError."""
    if folder.exists():
        raise RunsError(f"{folder} already exists: remove it, or name another folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    bucket, key = bucket_and_key(uri)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        archive, unpacked = Path(scratch) / "model.tar.gz", Path(scratch) / "model"
        session.client("s3").download_file(bucket, key, str(archive))
        try:
            unpack(archive, unpacked)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise RunsError(f"{uri} cannot be unpacked, so nothing of it is kept: {error}") from None
        unpacked.rename(folder)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack regular files and folders. Raises tarfile.TarError for links and paths that lead outside, or too much."""
    size = 0
    with tarfile.open(archive, mode="r:gz") as tar:
        for count, member in enumerate(tar):
            size += member.size
            if count >= MAX_MEMBERS or size > MAX_UNPACKED_BYTES:
                raise tarfile.TarError("it holds more than a model has")
        folder.mkdir()
        tar.extractall(folder, filter="data")  # refuses links, devices and paths outside
