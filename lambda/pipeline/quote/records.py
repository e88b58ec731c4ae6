"""What completed stages took: one small object in S3 for each, which the next quotes read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from botocore.exceptions import ClientError

from dataset_contract.bounded_json import Body, JsonError, read_json
from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.client_types import S3Client
from pipeline.errors import DeploymentChanged
from pipeline.request import MAX_INSTANCE_COUNT
from pipeline.s3_layout import STAGE_RECORDS, stage_record_key
from pipeline.state import from_state

NEWEST = 30
"""How many records a quote reads."""

LEAST_SPEED, MOST_SPEED = 1e-3, 1e6
"""Images per second: no job has another speed."""

_LARGEST = 500_000
"""Bytes of a record, with the names of a thousand classes."""
_MOST = 10**9
"""Of images and seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """One completed stage of an execution."""

    execution_arn: str
    training_job_name: str
    recipe: str
    instance_type: str
    """The type that was selected, where the job named several."""
    spot: bool
    dataset_version: str
    training_images: int
    """Images of the split train."""
    epochs: int
    """That were trained: fewer than asked for where training stopped early."""
    trainer_seconds: float
    """By the trainer's own clock, in all jobs of the stage: epochs and evaluations, without start and downloads."""
    job_seconds: int
    """DescribeTrainingJob's TrainingTimeInSeconds."""
    billable_seconds: int
    usd_per_hour: float
    """Of all instances together."""
    ended: str
    """ISO 8601."""
    instance_count: int = 1
    training: Mapping[str, object] = field(default_factory=dict)
    """The values of the training's settings, as JSON has them; one that is missing was the recipe's."""
    classes: tuple[str, ...] = ()
    """The data set's; empty in records that are older than it."""

    @property
    def images_per_second(self) -> float:
        """Training images a second, evaluations included in the time."""
        return self.training_images * self.epochs / self.trainer_seconds

    @property
    def spot_saving(self) -> float | None:
        """The share of a spot job's time that was not billed, from 0 to 1; None on demand."""
        return max(0.0, 1 - self.billable_seconds / self.job_seconds) if self.spot else None


def write_record(s3: S3Client, *, bucket: str, execution_name: str, stage: int, record: StageRecord) -> None:
    """Write or replace the record of one stage. Raises AwsUnavailable."""
    body = json.dumps(asdict(record), indent=1, allow_nan=False) + "\n"
    with raising_unavailable():
        s3.put_object(
            Bucket=bucket,
            Key=stage_record_key(execution_name, stage),
            Body=body.encode(),
            ContentType="application/json",
        )


def read_records(s3: S3Client, *, bucket: str) -> list[StageRecord]:
    """The newest records, newest first, without broken ones. Raises AwsUnavailable."""
    with raising_unavailable():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=STAGE_RECORDS)
        listed = [item for page in pages for item in page.get("Contents", [])]
        newest = sorted(listed, key=lambda item: item["LastModified"], reverse=True)[:NEWEST]
    return [record for item in newest if (record := _read(s3, bucket, item["Key"])) is not None]


def read_record(s3: S3Client, *, bucket: str, execution_name: str, stage: int) -> StageRecord | None:
    """The record of one stage; None if there is none or it is broken. Raises AwsUnavailable."""
    try:
        with raising_unavailable():
            return _parsed(s3.get_object(Bucket=bucket, Key=stage_record_key(execution_name, stage))["Body"])
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        return None


def _read(s3: S3Client, bucket: str, key: str) -> StageRecord | None:
    """The record, or None if it is broken or cannot be read: it must not prevent all later quotes."""
    try:
        with raising_unavailable():
            return _parsed(s3.get_object(Bucket=bucket, Key=key)["Body"])
    except ClientError:
        return None


def _parsed(body: Body) -> StageRecord | None:
    try:
        record = from_state(StageRecord, read_json(body, most=_LARGEST))
    except (JsonError, DeploymentChanged):
        return None
    measured = (record.training_images, record.epochs, record.trainer_seconds, record.job_seconds)
    sound = (
        all(0 < number <= _MOST for number in measured)
        and 0 <= record.billable_seconds <= _MOST
        and 1 <= record.instance_count <= MAX_INSTANCE_COUNT
    )
    return record if sound and LEAST_SPEED < record.images_per_second < MOST_SPEED else None
