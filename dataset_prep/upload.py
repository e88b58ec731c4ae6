"""Brings a data set's folder to S3: in parallel, verified, repeatable, and complete only with its manifest.

Every file is compared with the SHA-256 that the manifest names, and sent with it, so that S3 refuses damaged bytes.
What is there with the right hash is not sent again. Every write is conditional on what was there before: of two people
who upload at the same time one is refused, and none of the other's files is overwritten. The manifest goes last, once
S3 lists all files: a half upload has none.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dataset_contract.layout import MANIFEST, SPLITS
from dataset_contract.manifest import FileEntry, Manifest, parse_manifest
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.progress import Advance, no_progress
from dataset_prep.upload_errors import UPLOAD_ERRORS, NotFromS3Error, OvertakenError, explained, one_line
from dataset_prep.upload_transfer import CONNECT_TIMEOUT_S, MISSING, S3Object, Transfer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART_OF_A_DATASET = re.compile(rf"(?:{'|'.join(SPLITS)})/(?:annotations\.json|images/\d{{6,}}\.png)")
_DELETED_AT_ONCE = 1000  # the most that DeleteObjects takes
_REQUESTS_A_WORKER = 4  # a request mostly waits for the network


@dataclass(frozen=True)
class Uploaded:
    """What an upload did."""

    sent: int
    sent_bytes: int
    skipped: int
    retried: int
    """Requests that were sent again."""
    removed: int


def s3_client(workers: int) -> S3Client:
    """A client for an upload with `workers`; credentials, region and endpoint as the AWS SDK finds them.

    Raises UsageError if the SDK's own settings are wrong.
    """
    config = Config(
        retries={"mode": "adaptive", "total_max_attempts": 8},
        max_pool_connections=workers * _REQUESTS_A_WORKER,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=60,
    )
    try:
        return boto3.client("s3", config=config)
    except (BotoCoreError, ValueError) as error:  # ValueError: a malformed endpoint
        raise UsageError(f"The AWS SDK cannot be used with these settings: {one_line(error)}") from error


def check_bucket(client: S3Client, bucket: str) -> None:
    """Ask for the bucket, so that a wrong name or missing credentials show before the work is done.

    Raises UsageError if there is no such bucket or no credentials, PrepError if it cannot be reached or used.
    """
    try:
        answer = client.head_bucket(Bucket=bucket)
        if not answer["ResponseMetadata"].get("RequestId"):
            raise NotFromS3Error("its answer has no request id")
    except UPLOAD_ERRORS as error:
        raise explained(error, client, bucket) from error


def upload_dataset(
    client: S3Client,
    root: Path,
    manifest: Manifest,
    *,
    bucket: str,
    prefix: str,
    replace: bool,
    workers: int,
    advance: Advance = no_progress,
) -> Uploaded:
    """Make s3://bucket/prefix/ hold exactly the data set in `root`, whose manifest is `manifest`.

    `advance` is called for each file of the manifest, with the bytes that were sent.

    Raises PrepError if another version or other objects are there and `replace` is False, if somebody else uploaded at
    the same time, or if S3 refuses; UsageError as check_bucket does.
    """
    try:
        return _Upload(client, bucket, prefix, root).run(manifest, replace=replace, workers=workers, advance=advance)
    except OvertakenError as error:
        raise PrepError(
            f"Somebody else uploaded to s3://{bucket}/{prefix} at the same time ({error} is theirs): agree on one data "
            "set, then run the same command with --replace."
        ) from error
    except UPLOAD_ERRORS as error:
        raise explained(error, client, bucket) from error


@dataclass(frozen=True)
class _Sent:
    """What became of one file."""

    size: int | None
    """Bytes that were sent; None if it was there."""
    etag: str
    retries: int = 0


class _Upload:
    """One upload: where to, and what was there before."""

    def __init__(self, client: S3Client, bucket: str, prefix: str, root: Path) -> None:
        self._client, self._bucket, self._root = client, bucket, root
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._place = f"s3://{bucket}/{self._prefix}"
        self._transfer = Transfer(client, bucket, self._prefix)

    def run(self, manifest: Manifest, *, replace: bool, workers: int, advance: Advance) -> Uploaded:
        new = (self._root / MANIFEST).read_bytes()
        ours = {entry.path for entry in manifest.files} | {MANIFEST}
        there = self._transfer.list(ours)
        old, etag = self._read_manifest()
        if old is not None and old != new and not replace:
            raise PrepError(
                f"{self._place} already holds another version ({_version(old)}; this one is {manifest.version[:12]}): "
                "give --replace to replace it, or another --prefix."
            )
        unexpected = self._find_unexpected(there.keys() - ours, replace=replace)
        # The manifest is written last: what is older than the very same manifest was complete and right by then.
        complete_since = there[MANIFEST].modified if old == new and MANIFEST in there else None
        unverified = [
            entry for entry in manifest.files if not _is_unchanged(there.get(entry.path), entry.size, complete_since)
        ]
        advance(len(manifest.files) - len(unverified))

        def send(entry: FileEntry) -> _Sent:
            sent = self._send_if_changed(entry, there.get(entry.path))
            advance(1, sent.size or 0)
            return sent

        pool = ThreadPoolExecutor(workers * _REQUESTS_A_WORKER)
        try:
            results = list(pool.map(send, unverified))
        finally:
            pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C, do not send what waits
        sizes = [sent.size for sent in results if sent.size is not None]
        if sizes or unexpected or old != new:
            self._confirm(manifest, {entry.path: sent.etag for entry, sent in zip(unverified, results, strict=True)})
            self._transfer.put_exactly(MANIFEST, new, hashlib.sha256(new).hexdigest(), over=etag)
        self._delete(unexpected)
        retried = sum(sent.retries for sent in results)
        return Uploaded(len(sizes), sum(sizes), len(manifest.files) - len(sizes), retried, len(unexpected))

    def _confirm(self, manifest: Manifest, etags: Mapping[str, str]) -> None:
        """Let S3 list what it has before the manifest says so: every file, and of those sent what was sent.

        Raises NotFromS3Error if a file is absent, OvertakenError if somebody else's is in its place.
        """
        there = self._transfer.list({entry.path for entry in manifest.files} | {MANIFEST})
        for entry in manifest.files:
            found = there.get(entry.path)
            if found is None:
                raise NotFromS3Error(f"{entry.path} is not there, though its upload was confirmed")
            if found.size != entry.size or etags.get(entry.path, found.etag) != found.etag:
                raise OvertakenError(entry.path)

    def _read_manifest(self) -> tuple[bytes | None, str | None]:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + MANIFEST)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None, None
            raise
        if not answer.get("ETag"):
            raise NotFromS3Error(f"{MANIFEST} came without an ETag")
        return answer["Body"].read(), answer["ETag"]

    def _find_unexpected(self, paths: Set[str], *, replace: bool) -> list[str]:
        """Objects below the prefix that the data set does not have: left by another version or a half upload."""
        unexpected = sorted(paths)
        foreign = [path for path in unexpected if not _PART_OF_A_DATASET.fullmatch(path)]
        if foreign:
            raise PrepError(
                f"{self._place} holds {foreign[0]}, which does not belong to a data set: "
                "remove it by hand, or give a --prefix of its own."
            )
        if unexpected and not replace:
            raise PrepError(
                f"{self._place} holds {len(unexpected)} files that this data set does not have, such as "
                f"{unexpected[0]}: give --replace to remove them, or another --prefix."
            )
        return unexpected

    def _send_if_changed(self, entry: FileEntry, there: S3Object | None) -> _Sent:
        if there is not None and there.size == entry.size:
            etag = self._transfer.etag_if_same(entry.path, entry.sha256)
            if etag is not None:
                return _Sent(None, etag)
        data = (self._root / entry.path).read_bytes()
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise PrepError(
                f"{self._root / entry.path} is not what the manifest says, for it changed after the check: "
                "run the same command again."
            )
        etag, retries = self._transfer.put(entry.path, data, entry.sha256, over=there.etag if there else None)
        return _Sent(entry.size, etag, retries)

    def _delete(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _DELETED_AT_ONCE):
            keys = [{"Key": self._prefix + path} for path in paths[start : start + _DELETED_AT_ONCE]]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})  # type: ignore[typeddict-item]
            for error in answer.get("Errors", []):
                raise PrepError(f"s3://{self._bucket}/{error.get('Key')} cannot be removed: {error.get('Message')}")


def _is_unchanged(there: S3Object | None, size: int, complete_since: datetime | None) -> bool:
    return there is not None and complete_since is not None and there.size == size and there.modified <= complete_since


def _version(manifest: bytes) -> str:
    parsed, _ = parse_manifest(manifest)
    return parsed.version[:12] if parsed else "its manifest cannot be read"
