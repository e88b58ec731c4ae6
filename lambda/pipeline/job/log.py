"""Reads the end of a training job's log in CloudWatch: when it last wrote, and its last figures."""

from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.client_types import CloudWatchLogsClient
from training_code.job.metric_lines import TrainingLine, read_training_line

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_EVENTS = 200
"""Enough to hold the last figures among other lines, and far below the 1 MB of one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEnd:
    """The last lines of the newest stream of a job's first host; a spot job has one more for each restart."""

    last_event: datetime | None = None
    training: tuple[TrainingLine, ...] = ()
    """The lines with figures of the training, oldest first."""


def read_log_end(logs: CloudWatchLogsClient, job_name: str) -> LogEnd:
    """The log's last lines; nothing if the job has no log yet. Raises AwsUnavailable."""
    try:
        with raising_unavailable():
            # <job>/algo-1-<seconds since 1970 of the start>; the first host is the one that writes the figures.
            streams = logs.describe_log_streams(
                logGroupName=LOG_GROUP,
                logStreamNamePrefix=f"{job_name}/algo-1-",
                orderBy="LogStreamName",
                descending=True,
                limit=1,
            )["logStreams"]
            if not streams:
                return LogEnd()
            newest = streams[0]["logStreamName"]
            events = logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=newest, limit=_EVENTS, startFromHead=False
            )["events"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":  # the account's first job creates the group
            return LogEnd()
        raise
    lines = (read_training_line(event["message"].rstrip()) for event in events)
    return LogEnd(
        last_event=datetime.fromtimestamp(max(event["timestamp"] for event in events) / 1000, UTC) if events else None,
        training=tuple(line for line in lines if line is not None),
    )
