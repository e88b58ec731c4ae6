"""What a running job has written to its checkpoint folder in S3: when it saved last, and its own health."""

from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.client_types import S3Client
from pipeline.job.health_reader import HEALTH_FILE, MAX_HEALTH_BYTES, StageHealth, read_health
from pipeline.s3_layout import bucket_and_key
from training_code.job.checkpoint_layout import CHECKPOINT_NAME


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointFolder:
    """What is known of the folder."""

    last_checkpoint: datetime | None = None
    """When the last checkpoint was written."""
    last_written: datetime | None = None
    """When the last file was written, whichever it is: each evaluation writes some."""
    health: StageHealth | None = None
    health_written: datetime | None = None


def read_checkpoint_folder(s3: S3Client, uri: str) -> CheckpointFolder:
    """The folder `uri`, s3://bucket/prefix/, without the folders in it. Raises AwsUnavailable."""
    bucket, prefix = bucket_and_key(uri)
    with raising_unavailable():
        objects = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/").get("Contents", [])
    written = {item["Key"]: item["LastModified"] for item in objects}
    checkpoints = [at for key, at in written.items() if CHECKPOINT_NAME.fullmatch(key.removeprefix(prefix))]
    key = f"{prefix}{HEALTH_FILE}"
    return CheckpointFolder(
        last_checkpoint=max(checkpoints, default=None),
        last_written=max(written.values(), default=None),
        health=_read(s3, bucket, key) if key in written else None,
        health_written=written.get(key),
    )


def _read(s3: S3Client, bucket: str, key: str) -> StageHealth | None:
    try:
        with raising_unavailable():
            body = s3.get_object(Bucket=bucket, Key=key)["Body"]
            return read_health(body.read(MAX_HEALTH_BYTES))
    except ClientError as error:
        if error_code(error) == "NoSuchKey":  # SageMaker is just replacing it
            return None
        raise
