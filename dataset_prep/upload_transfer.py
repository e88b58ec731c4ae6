"""S3 as the upload talks to it: obstore where thousands of requests are made, boto3 for all else.

Measured with 4,194 files of 200 KB (benchmarks/upload.py), obstore takes a fifth of boto3's processor time for the same
PUTs, and half of what botocore's signer over urllib3 takes. It makes one attempt. What fails is left to boto3, which
knows when to try again, slows down when S3 throttles, follows a bucket to its region, and says what is wrong.
"""

from __future__ import annotations

import base64
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import boto3
import botocore.session
import obstore
from botocore.exceptions import ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError as ObstoreError
from obstore.store import S3Store

from dataset_prep.upload_errors import NotFromS3Error, OvertakenError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from obstore import PutMode
    from obstore.store import ClientConfig

CONNECT_TIMEOUT_S = 10
_PUT_TIMEOUT = timedelta(minutes=5)  # for one attempt, the sending included
_CREDENTIALS_KEPT = timedelta(minutes=5)  # botocore renews them 10 minutes before they end, if it is asked
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
"""S3's codes for an object that is not there."""
_CONFLICTS = MISSING | {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
# What obstore raises when an attempt fails: 404 is a FileNotFoundError, a key that it cannot express a ValueError.
_FAILED = (ObstoreError, OSError, ValueError)


class _Condition(TypedDict, total=False):
    """What must hold for a write: no object is there, or the one with that ETag."""

    IfNoneMatch: str
    IfMatch: str


@dataclass(frozen=True)
class S3Object:
    """What S3 lists of an object."""

    size: int
    """Bytes."""
    modified: datetime
    etag: str
    """Which write it is of, as S3 tells after each."""


class Transfer:
    """The objects below one prefix. Several threads may use it at once."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        """`prefix` is empty or ends with a slash. Raises botocore's errors if there is no such bucket."""
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self._store = _store(client, bucket, prefix)

    def list(self, expected: Set[str]) -> dict[str, S3Object]:
        """path below the prefix -> what S3 lists of it. `expected` paths cost little time. Raises botocore's errors."""
        there = self._list_fast()
        # obstore reads keys as paths: "a/" is "a" to it, and "a//b" an error. Only boto3 shows unexpected keys.
        return there if there is not None and there.keys() <= expected else self._list_exactly()

    def _list_fast(self) -> dict[str, S3Object] | None:
        if self._store is None:
            return None
        try:
            items = [item for chunk in obstore.list(self._store, chunk_size=1000) for item in chunk]
        except _FAILED:
            return None
        there = {item["path"]: S3Object(item["size"], item["last_modified"], item["e_tag"] or "") for item in items}
        return there if len(there) == len(items) else None

    def _list_exactly(self) -> dict[str, S3Object]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        return {
            item["Key"].removeprefix(self._prefix): S3Object(item["Size"], item["LastModified"], item["ETag"])
            for page in pages
            for item in page.get("Contents", [])
            if item["Key"] != self._prefix  # the "folder" that the S3 console makes
        }

    def put(self, path: str, data: bytes, sha256: str, *, over: str | None) -> tuple[str, int]:
        """As put_exactly, but faster, and with how often it was sent again."""
        if self._store is not None:
            attributes = {"Content-Type": _content_type(path)}
            mode: PutMode = "create" if over is None else {"e_tag": over}
            try:
                put = obstore.put(self._store, path, data, attributes=attributes, mode=mode, use_multipart=False)
                if put["e_tag"]:
                    return put["e_tag"], 0
            except _FAILED:
                pass
        etag, retries = self.put_exactly(path, data, sha256, over=over)
        return etag, retries + (self._store is not None)

    def put_exactly(self, path: str, data: bytes, sha256: str, *, over: str | None) -> tuple[str, int]:
        """Write one object in place of the one with the ETag `over`, or of none; returns its ETag and the retries.

        Its SHA-256 (hex) goes with it for S3 to verify and keep.

        Raises OvertakenError if another object is there meanwhile, NotFromS3Error if the answer cannot be S3's, and
        botocore's errors.
        """
        condition: _Condition = {"IfNoneMatch": "*"} if over is None else {"IfMatch": over}
        try:
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=self._prefix + path,
                Body=data,
                ChecksumSHA256=as_base64(sha256),
                ContentType=_content_type(path),
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _CONFLICTS:
                raise
            etag = self.etag_if_same(path, sha256)
            if etag is None:
                raise OvertakenError(path) from error
            # Written by an attempt whose answer was lost, or by somebody who uploads the same.
            return etag, error.response["ResponseMetadata"].get("RetryAttempts", 0)
        if not answer.get("ETag") or answer.get("ChecksumSHA256", as_base64(sha256)) != as_base64(sha256):
            raise NotFromS3Error(f"the upload of {path} was confirmed without its checksum")
        return answer["ETag"], answer["ResponseMetadata"].get("RetryAttempts", 0)

    def etag_if_same(self, path: str, sha256: str) -> str | None:
        """The ETag of the object at `path` if it was stored with that SHA-256 (hex), else None."""
        try:
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + path, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
        return answer.get("ETag") if answer.get("ChecksumSHA256") == as_base64(sha256) else None


def _content_type(path: str) -> str:
    return "image/png" if path.endswith(".png") else "application/json"


def as_base64(sha256: str) -> str:
    """A SHA-256 in hex as S3 takes and gives it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _store(client: S3Client, bucket: str, prefix: str) -> S3Store | None:
    """The bucket for obstore, with what boto3 found out about it; None if obstore cannot express the prefix."""
    region = client.head_bucket(Bucket=bucket).get("BucketRegion") or client.meta.region_name or "us-east-1"
    endpoint = client.meta.endpoint_url
    if region != client.meta.region_name:
        endpoint = boto3.client("s3", region_name=region).meta.endpoint_url
    if "//s3-fips." in endpoint:  # has no paths with the bucket's name, which only boto3 puts into the host's name
        return None
    session = boto3.DEFAULT_SESSION or boto3.Session()  # which made the client: nobody has to log in twice
    options: ClientConfig = {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
        "timeout": _PUT_TIMEOUT,
    }
    try:
        if not options["allow_http"] and (bundle := botocore.session.get_session().get_config_variable("ca_bundle")):
            options["root_certificate"] = Path(bundle).read_bytes()  # AWS_CA_BUNDLE, say
        return S3Store(
            bucket,
            prefix=prefix.rstrip("/") or None,
            aws_endpoint_url_s3=endpoint,  # the one that no environment variable overrides
            region=region,
            virtual_hosted_style_request=False,
            checksum_algorithm="SHA256",
            skip_signature=False,
            unsigned_payload=False,
            credential_provider=Boto3CredentialProvider(session, ttl=_CREDENTIALS_KEPT),
            client_options=options,
            retry_config={"max_retries": 0},
        )
    except _FAILED:
        return None
