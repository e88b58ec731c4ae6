"""Brings a data set's folder to S3: in parallel, verified, repeatable, and complete only with its manifest.

Every file is compared with the SHA-256 that the manifest names, and sent with it, so that S3 refuses damaged bytes.
What is there with the right hash is not sent again. The manifest goes last, by a conditional write: a half upload has
none, and of two people who upload at the same time one is refused.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from dataset_contract.layout import MANIFEST, SPLITS
from dataset_contract.manifest import FileEntry, Manifest, parse_manifest
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.progress import Advance, no_progress
from dataset_prep.upload_transfer import CONNECT_TIMEOUT_S, S3Object, Transfer, as_base64

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PART_OF_A_DATASET = re.compile(rf"(?:{'|'.join(SPLITS)})/(?:annotations\.json|images/\d{{6,}}\.png)")
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
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
        raise UsageError(f"The AWS SDK cannot be used with these settings: {_one_line(error)}") from error


def check_bucket(client: S3Client, bucket: str) -> None:
    """Ask for the bucket, so that a wrong name or missing credentials show before the work is done.

    Raises UsageError if there is no such bucket or no credentials, PrepError if it cannot be reached.
    """
    try:
        client.head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        raise _explained(error, bucket) from error


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
    except (BotoCoreError, ClientError) as error:
        raise _explained(error, bucket) from error


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

        def send(entry: FileEntry) -> tuple[int, int]:
            """Bytes sent (-1 if none needed to be) and retries."""
            sent, retries = self._send_if_changed(entry, there.get(entry.path))
            advance(1, max(sent, 0))
            return sent, retries

        pool = ThreadPoolExecutor(workers * _REQUESTS_A_WORKER)
        try:
            results = list(pool.map(send, unverified))
        finally:
            pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C, do not send what waits
        sizes = [size for size, _ in results if size >= 0]
        if sizes or unexpected or old != new:
            self._put_manifest(new, etag)
        self._delete(unexpected)
        retried = sum(retries for _, retries in results)
        return Uploaded(len(sizes), sum(sizes), len(manifest.files) - len(sizes), retried, len(unexpected))

    def _read_manifest(self) -> tuple[bytes | None, str | None]:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + MANIFEST)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None, None
            raise
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

    def _send_if_changed(self, entry: FileEntry, there: S3Object | None) -> tuple[int, int]:
        if there is not None and there.size == entry.size:
            key = self._prefix + entry.path
            answer = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
            if answer.get("ChecksumSHA256") == as_base64(entry.sha256):
                return -1, 0
        data = (self._root / entry.path).read_bytes()
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise PrepError(
                f"{self._root / entry.path} is not what the manifest says, for it changed after the check: "
                "run the same command again."
            )
        return entry.size, self._transfer.put(entry.path, data, entry.sha256)

    def _put_manifest(self, data: bytes, etag: str | None) -> None:
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._prefix + MANIFEST,
                Body=data,
                ChecksumSHA256=as_base64(hashlib.sha256(data).hexdigest()),
                ContentType="application/json",
                **condition,
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
                raise PrepError(
                    f"Somebody else uploaded to {self._place} at the same time: agree on one data set, "
                    "then run the same command with --replace."
                ) from error
            raise

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


def _explained(error: BotoCoreError | ClientError, bucket: str) -> Exception:
    """The sentence for what AWS or its SDK says."""
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return UsageError(
            "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in."
        )
    if isinstance(error, ParamValidationError):  # the bucket is all that a person gives
        return UsageError(f"{bucket} is not a bucket's name: take the name from the deployed stack's outputs.")
    if not isinstance(error, ClientError):
        return PrepError(f"S3 cannot be reached for the bucket {bucket}: {_one_line(error)}")
    code = error.response["Error"]["Code"]
    if code in ("404", "NoSuchBucket"):
        return UsageError(f"There is no bucket {bucket}: take the name from the deployed stack's outputs.")
    if code in ("403", "AccessDenied"):
        return PrepError(f"Access to the bucket {bucket} was denied: check its name and the credentials' permissions.")
    return PrepError(f"S3 refused a request for the bucket {bucket}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
