"""Copies files between S3 and a job's directories: channels and checkpoints down, checkpoints and artifacts up."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from botocore.exceptions import ClientError

from local_aws.sagemaker.errors import JobFailedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THREADS = 8


@dataclass(frozen=True)
class S3Uri:
    """s3://bucket/key, where the key is often a prefix and may be empty."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read an s3:// URI; its form has been checked with the request."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    def under(self, *names: str) -> S3Uri:
        """The object or prefix below this one."""
        return S3Uri(self.bucket, "/".join([*filter(None, [self.key.rstrip("/")]), *names]))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def download_prefix(s3: S3Client, prefix: S3Uri, folder: Path) -> int:
    """Copy every object whose key begins with the prefix (S3DataType S3Prefix) into `folder`; return their number.

    Raises JobFailedError when S3 refuses, or a key would be a path outside the folder.
    """
    try:
        keys = [key for key in list_keys(s3, prefix) if not key.endswith("/")]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda key: download(s3, prefix, key, folder), keys))
    except ClientError as error:
        raise JobFailedError(f"ClientError: Data download failed: {prefix}: {error}") from error
    return len(keys)


def list_keys(s3: S3Client, prefix: S3Uri) -> Iterator[str]:
    """All keys that begin with the prefix."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key):
        yield from (item["Key"] for item in page.get("Contents", []))


def download(s3: S3Client, prefix: S3Uri, key: str, folder: Path) -> None:
    """Copy one object to its place below the prefix."""
    path = PurePosixPath(path_below(prefix.key, key))
    if path.is_absolute() or ".." in path.parts:
        raise JobFailedError(f"ClientError: Data download failed: the key {key!r} is not a path below {prefix}")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(prefix.bucket, key, str(target))


def path_below(prefix: str, key: str) -> str:
    """Where SageMaker puts the object: below the folder or name that the prefix is, else below the prefix's folder."""
    if prefix in ("", key) or prefix.endswith("/") or not key.startswith(f"{prefix}/"):
        return key[prefix.rfind("/") + 1 :]
    return key[len(prefix) + 1 :]


class CheckpointSync:
    """A job's checkpoint folder and its copy in S3: restored at the start, then every change is copied up.

    As on AWS, what is deleted here is deleted in S3 (in a versioned bucket its versions stay), and a half-written file
    is copied like any other: whoever restores it must know a whole one.
    https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
    """

    def __init__(self, s3: S3Client, prefix: S3Uri, folder: Path) -> None:
        self._s3 = s3
        self._prefix = S3Uri(prefix.bucket, f"{prefix.key.rstrip('/')}/" if prefix.key else "")
        self._folder = folder
        self._copied: dict[str, tuple[int, int]] = {}

    def restore(self) -> None:
        """Copy what is in S3 to the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)
        download_prefix(self._s3, self._prefix, self._folder)
        self._copied = {name: state for name, _, state in self._files()}

    def upload_changes(self) -> None:
        """Copy every file whose size or time of change differs from the last upload, and delete what is gone."""
        there: set[str] = set()
        for name, content, state in self._changed(there):
            self._put(name, content)
            self._copied[name] = state
        for name in self._copied.keys() - there:
            self._s3.delete_object(Bucket=self._prefix.bucket, Key=self._prefix.key + name)
            del self._copied[name]

    def upload_cut_off(self) -> None:
        """Copy half of the first file that has changed, and nothing else."""
        for name, content, _ in self._changed(set()):
            self._put(name, content[: len(content) // 2])
            return

    def _changed(self, there: set[str]) -> Iterator[tuple[str, bytes, tuple[int, int]]]:
        """What has to be copied, with its state before it was read; the names of all files go into `there`."""
        for name, path, state in self._files():
            there.add(name)
            if self._copied.get(name) == state:
                continue
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # replaced or removed since we looked
                continue
            yield name, content, state

    def _put(self, name: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self._prefix.bucket, Key=self._prefix.key + name, Body=content)

    def _files(self) -> Iterator[tuple[str, Path, tuple[int, int]]]:
        for path in sorted(self._folder.rglob("*")):
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                yield path.relative_to(self._folder).as_posix(), path, (stat.st_size, stat.st_mtime_ns)


def upload_tar(s3: S3Client, folders: Sequence[Path], target: S3Uri) -> bool:
    """Pack what the hosts' folders hold as tar.gz into `target`; False if there is nothing. Raises JobFailedError.

    The hosts' files must have different names, as AWS asks for.
    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
    """
    content = sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir())
    names = [path.name for path in content]
    if len(set(names)) < len(names):
        raise JobFailedError(f"ClientError: Artifact upload failed: {target}: two hosts wrote a file of the same name")
    if not content:
        return False
    with tempfile.TemporaryFile(dir=folders[0].parent) as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
            for path in content:
                tar.add(path, arcname=path.name)
        file.seek(0)
        try:
            s3.upload_fileobj(file, target.bucket, target.key)
        except ClientError as error:
            raise JobFailedError(f"ClientError: Artifact upload failed: {target}: {error}") from error
    return True
