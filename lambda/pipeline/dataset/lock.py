"""At most one execution works on a data set: a lock in S3 names it.

Finalise releases the execution's locks. A lock whose holder has ended without that is taken over; S3's conditional
writes let only one of several win.
"""

import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from dataset_contract.bounded_json import Body, JsonError, read_json
from pipeline.aws_errors import NO_EXECUTION, WRITTEN_MEANWHILE, error_code, raising_unavailable
from pipeline.client_types import S3Client, SFNClient
from pipeline.errors import AlreadyRunning, AwsUnavailable
from pipeline.execution import AT_WORK, Execution
from pipeline.links import execution_link
from pipeline.s3_layout import LOCKS, lock_key, uri

_TRIES = 5
"""Each further one means that another execution took or released the lock in between."""
_MISSING = frozenset({"NoSuchKey", "404"})
_SHOWN_AFTER = timedelta(minutes=1)
"""Step Functions may not show a new execution yet that has taken a lock since."""
_LARGEST = 4096
"""Bytes: a lock holds one ARN."""
_LOOKED_AT = 1000
"""The newest locks that an end looks at: one for each data set, so few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetLock:
    """`$.lock`: the lock that this execution holds."""

    key: str
    """Where it is in the bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _LockObject:
    """The object in S3."""

    holder: str | None
    """The ARN of the execution that holds it; None if the content does not tell."""
    redrive_count: int
    """The holder's when it took it."""
    taken: datetime
    etag: str


def acquire(
    s3: S3Client, stepfunctions: SFNClient, *, bucket: str, dataset_prefix: str, execution: Execution, now: datetime
) -> DatasetLock:
    """Take the data set's lock for `execution`, which may hold it already.

    Raises AlreadyRunning if another execution that has not ended holds it, or AwsUnavailable.
    """
    key = lock_key(dataset_prefix)
    for _ in range(_TRIES):
        lock = _read(s3, bucket, key)
        if lock is not None and lock.holder == execution.arn:
            if lock.redrive_count >= execution.redrive_count:  # a second try of the step
                return DatasetLock(key=key)
        elif lock is not None and _is_held(stepfunctions, lock, execution, now=now):
            raise AlreadyRunning(
                f"The execution {str(lock.holder).rsplit(':', 1)[-1]} already works on the data set {dataset_prefix}: "
                f"wait for its end, or stop it, then redrive ({execution_link(execution.region, str(lock.holder))})."
            )
        if _write(s3, bucket, key, execution, over=lock):
            return DatasetLock(key=key)
    raise AwsUnavailable(f"The lock s3://{bucket}/{key} changed hands {_TRIES} times while it was being taken.")


def release(s3: S3Client, *, bucket: str, execution: Execution) -> None:
    """Release each lock that `execution` still holds, if any. Raises AwsUnavailable, or ClientError.

    One that it has taken after a further redrive stays: the end is of before that. It looks at all locks, since
    Finalise may know nothing of what the execution did. A ClientError is raised after all have been looked at.
    """
    refusal: ClientError | None = None
    for key in _newest_keys(s3, bucket):
        try:
            _release(s3, bucket, key, execution)
        except ClientError as error:
            refusal = error
    if refusal is not None:
        raise refusal


def holders(s3: S3Client, *, bucket: str) -> dict[str, int]:
    """The ARNs of the executions that hold a lock, with how often each had been redriven when it took the last one.

    A lock that S3 refuses, as one under a key that is gone, tells nothing. Raises AwsUnavailable, or ClientError.
    """
    found: dict[str, int] = {}
    for key in _newest_keys(s3, bucket):
        try:
            lock = _read(s3, bucket, key)
        except ClientError as error:
            logging.getLogger(__name__).warning("The lock %s cannot be read: %s", uri(bucket, key), error)
            continue
        if lock is not None and lock.holder is not None:
            found[lock.holder] = max(lock.redrive_count, found.get(lock.holder, 0))
    return found


def _newest_keys(s3: S3Client, bucket: str) -> list[str]:
    with raising_unavailable():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=LOCKS)
        listed = [item for page in pages for item in page.get("Contents", []) if item["Size"] <= _LARGEST]
    return [item["Key"] for item in sorted(listed, key=lambda item: item["LastModified"], reverse=True)[:_LOOKED_AT]]


def _release(s3: S3Client, bucket: str, key: str, execution: Execution) -> None:
    lock = _read(s3, bucket, key)
    if lock is None or lock.holder != execution.arn or lock.redrive_count > execution.redrive_count:
        return
    try:
        with raising_unavailable():
            s3.delete_object(Bucket=bucket, Key=key, IfMatch=lock.etag)
    except ClientError as error:
        if error_code(error) not in WRITTEN_MEANWHILE | _MISSING:  # another execution took it over meanwhile
            raise


def _read(s3: S3Client, bucket: str, key: str) -> _LockObject | None:
    try:
        with raising_unavailable():
            answer = s3.get_object(Bucket=bucket, Key=key)
            holder, redrive_count = _holder(answer["Body"])
    except ClientError as error:
        if error_code(error) in _MISSING:
            return None
        raise
    return _LockObject(holder=holder, redrive_count=redrive_count, taken=answer["LastModified"], etag=answer["ETag"])


def _holder(body: Body) -> tuple[str | None, int]:
    """The holder, and its redrive count; (None, 0) if the content does not tell."""
    try:
        content = read_json(body, most=_LARGEST)
    except JsonError:
        return None, 0
    holder, count = (content.get("execution"), content.get("redrive_count", 0)) if isinstance(content, dict) else (0, 0)
    return (holder, count) if isinstance(holder, str) and type(count) is int else (None, 0)


def _write(s3: S3Client, bucket: str, key: str, execution: Execution, *, over: _LockObject | None) -> bool:
    """Whether the lock could be written in the place of `over`, or of nothing."""
    body = json.dumps({"execution": execution.arn, "redrive_count": execution.redrive_count}).encode()
    try:
        with raising_unavailable():
            if over is None:
                s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
            else:
                s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", IfMatch=over.etag)
    except ClientError as error:
        if error_code(error) in WRITTEN_MEANWHILE | _MISSING:
            return False
        raise
    return True


def _is_held(stepfunctions: SFNClient, lock: _LockObject, execution: Execution, *, now: datetime) -> bool:
    """Whether the lock's holder has not ended; one of another state machine, now deleted, has.

    DescribeExecution is eventually consistent: it may not know a new execution yet, and tell the end before a redrive.
    """
    holder = lock.holder
    if holder is None or holder.rsplit(":", 1)[0] != execution.arn.rsplit(":", 1)[0]:
        return False
    try:
        with raising_unavailable():
            described = stepfunctions.describe_execution(executionArn=holder)
    except ClientError as error:
        if error_code(error) not in NO_EXECUTION:
            raise
        if now - lock.taken < _SHOWN_AFTER:
            raise AwsUnavailable(f"Step Functions does not show {holder} yet, which has just taken a lock.") from error
        return False
    if described.get("redriveCount", 0) < lock.redrive_count:
        raise AwsUnavailable(f"Step Functions does not show the redrive of {holder} yet.")
    return described["status"] in AT_WORK
