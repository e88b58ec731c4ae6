"""What a running job has written to its checkpoint folder in S3: when it saved last, its health, its evaluations."""

from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.client_types import S3Client
from pipeline.job.evaluated_epochs import EvaluatedEpoch, read_evaluations
from pipeline.job.health_reader import HEALTH_FILE, MAX_HEALTH_BYTES, StageHealth, read_health
from pipeline.s3_layout import bucket_and_key
from training_code.job.checkpoint_layout import CHECKPOINT_NAME, MAX_METRICS_BYTES, METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFolder:
    """What is known of the folder."""

    last_checkpoint: datetime | None = None
    """When the last checkpoint was written."""
    last_written: datetime | None = None
    """When the last file was written, whichever it is: each evaluation writes some."""
    health: StageHealth | None = None
    health_written: datetime | None = None
    evaluations: tuple[EvaluatedEpoch, ...] = ()
    """Of the stage so far, in their order."""


def read_checkpoint_folder(s3: S3Client, uri: str) -> CheckpointFolder:
    """The folder `uri`, s3://bucket/prefix/, without the folders in it. Raises AwsUnavailable."""
    bucket, prefix = bucket_and_key(uri)
    with raising_unavailable():
        objects = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/").get("Contents", [])
    written = {item["Key"]: item["LastModified"] for item in objects}
    checkpoints = [at for key, at in written.items() if CHECKPOINT_NAME.fullmatch(key.removeprefix(prefix))]
    health, metrics = f"{prefix}{HEALTH_FILE}", f"{prefix}{METRICS}"
    return CheckpointFolder(
        last_checkpoint=max(checkpoints, default=None),
        last_written=max(written.values(), default=None),
        health=read_health(_read(s3, bucket, health, MAX_HEALTH_BYTES)) if health in written else None,
        health_written=written.get(health),
        evaluations=read_evaluations(_read(s3, bucket, metrics, MAX_METRICS_BYTES)) if metrics in written else (),
    )


def _read(s3: S3Client, bucket: str, key: str, most: int) -> bytes:
    """The object's bytes, one more than `most` if it has more; none of one that is gone."""
    try:
        with raising_unavailable():
            return s3.get_object(Bucket=bucket, Key=key)["Body"].read(most + 1)
    except ClientError as error:
        if error_code(error) == "NoSuchKey":  # SageMaker is just replacing it
            return b""
        raise
