"""Where a data set can be stored: a directory or a prefix of an S3 bucket, read through one small interface."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dataset_contract.bounded_json import JsonError, read_at_most
from dataset_contract.layout import path_problem
from dataset_contract.read_problem import read_problem
from dataset_contract.strict_json import MAX_BYTES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class UnreadableFileError(Exception):
    """One file of a store cannot be read; the message ends the sentence "<path> cannot be read (...)".

    Not an OSError: the SDK's time-outs are OSErrors, too, and would be taken for the file's fault.
    """


class DatasetStore(Protocol):
    """What the checks need of a place that holds a data set. Paths are relative to its root, with slashes.

    A store's own failures (no permission for the bucket, no network) come out as its own exceptions.
    """

    @property
    def location(self) -> str:
        """The place as a sentence names it: a directory's path or s3://bucket/prefix/."""

    @property
    def workers(self) -> int:
        """How many threads may use the store at once to good effect."""

    @property
    def whole_files(self) -> bool:
        """Whether reading every file whole is affordable; if not, checks keep to headers and given hashes."""

    def list(self) -> Mapping[str, int]:
        """path -> size in bytes of every regular file; empty if there is no such place.

        In S3, where a key may be any text, also of objects that cannot be files. A path may end in a slash there.
        """

    def refused(self) -> Mapping[str, str]:
        """path -> why it is not listed (the end of a sentence): links out of the root, devices and the like."""

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises:
            UnreadableFileError: it cannot be read, or is outside the root.
        """

    def read_head(self, path: str, length: int) -> bytes:
        """The first `length` bytes of a file that is not empty, fewer if it is shorter; raises what read() raises."""

    def sha256(self, path: str) -> str | None:
        """The SHA-256 of a file in lower-case hex, None if the store has none for it; raises what read() raises."""


class DirectoryStore:
    """A data set in a directory. Never reads outside it: symbolic links that lead out are refused."""

    whole_files = True

    def __init__(self, root: Path) -> None:
        """`root` need not exist."""
        self._root = Path(os.path.realpath(root))
        self.location = str(root)
        self.workers = min(8, os.cpu_count() or 1)

    def list(self) -> Mapping[str, int]:
        """See DatasetStore."""
        return {path: found for path, found in self._walk(self._root, "") if isinstance(found, int)}

    def refused(self) -> Mapping[str, str]:
        """See DatasetStore."""
        return {path: found for path, found in self._walk(self._root, "") if isinstance(found, str)}

    def _walk(self, folder: Path, prefix: str) -> Iterator[tuple[str, int | str]]:
        """(path, size) of each regular file, (path, why not) of everything else that is not a plain folder."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except FileNotFoundError:
            return
        except OSError as error:
            yield prefix.rstrip("/") or ".", f"is a folder that cannot be read ({read_problem(error)})"
            return
        for entry in entries:
            path = prefix + entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(folder / entry.name, f"{path}/")
                elif entry.is_symlink() and not self._is_inside(entry.path):
                    yield path, "is a symbolic link that leads out of the data set"
                elif stat.S_ISREG(entry.stat().st_mode):
                    yield path, entry.stat().st_size
                else:
                    yield path, "is not a regular file"
            except OSError as error:
                yield path, f"cannot be read ({read_problem(error)})"

    def _is_inside(self, path: str) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def read(self, path: str) -> bytes:
        """See DatasetStore."""
        with _unreadable(), self._file(path).open("rb") as stream:
            return stream.read()

    def read_head(self, path: str, length: int) -> bytes:
        """See DatasetStore."""
        with _unreadable(), self._file(path).open("rb") as stream:
            return stream.read(length)

    def sha256(self, path: str) -> str | None:
        """See DatasetStore."""
        with _unreadable(), self._file(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def _file(self, path: str) -> Path:
        """The regular file at `path`, which must be inside the root, links followed."""
        target = self._root / path
        if path_problem(path) is not None or not self._is_inside(str(target)):
            raise UnreadableFileError("it is outside the data set")
        if not target.is_file():
            raise UnreadableFileError("there is no such file")
        return target


@contextmanager
def _unreadable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreadableFileError(read_problem(error)) from error


class S3Store:
    """A data set below a prefix of an S3 bucket, read by several threads. botocore's ClientError comes out as it is."""

    whole_files = False
    workers = 32

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        """`prefix` with or without a final slash. Give the client max_pool_connections=S3Store.workers."""
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")
        self.location = f"s3://{bucket}/{self._prefix}"

    def list(self) -> Mapping[str, int]:
        """See DatasetStore."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        return {
            item["Key"].removeprefix(self._prefix): item["Size"] for page in pages for item in page.get("Contents", ())
        }

    def refused(self) -> Mapping[str, str]:
        """See DatasetStore. An object is an object."""
        return {}

    def read(self, path: str) -> bytes:
        """See DatasetStore."""
        body = self._client.get_object(Bucket=self._bucket, Key=self._prefix + path)["Body"]
        try:
            return read_at_most(body, MAX_BYTES)
        except JsonError as error:
            raise UnreadableFileError(f"{error}, unlike when it was listed") from None

    def read_head(self, path: str, length: int) -> bytes:
        """See DatasetStore."""
        part = f"bytes=0-{length - 1}"
        return self._client.get_object(Bucket=self._bucket, Key=self._prefix + path, Range=part)["Body"].read()

    def sha256(self, path: str) -> str | None:
        """See DatasetStore: the checksum that S3 verified and stored when the object was put with it."""
        answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path, ChecksumMode="ENABLED")
        try:
            digest = base64.b64decode(answer.get("ChecksumSHA256", ""), validate=True)
        except binascii.Error:  # a multipart upload's "checksum of checksums" ends in "-3", say
            return None
        return digest.hex() if len(digest) == 32 else None
