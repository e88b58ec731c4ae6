"""Reads the end of a training job's log in CloudWatch: when it last wrote, and its last figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.client_types import CloudWatchLogsClient
from training_code.job.metric_lines import TrainingLine, read_training_line

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import OutputLogEventTypeDef

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_EVENTS = 200
"""Enough to hold the last figures among other lines, and far below the 1 MB of one answer."""
_MOST_PAGES = 50
"""Asked for back from the newest: a job whose log has nothing in any of them may well be called silent."""


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
            events = _last_events(logs, streams[0]["logStreamName"])
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":  # the account's first job creates the group
            return LogEnd()
        raise
    lines = (read_training_line(event["message"].rstrip()) for event in events)
    return LogEnd(
        last_event=datetime.fromtimestamp(max(event["timestamp"] for event in events) / 1000, UTC) if events else None,
        training=tuple(line for line in lines if line is not None),
    )


def _last_events(logs: CloudWatchLogsClient, stream: str) -> list[OutputLogEventTypeDef]:
    """The stream's last events, oldest first.

    CloudWatch cuts its pages by time: while a job is silent, as in a long evaluation, the newest are empty, which does
    not mean that there is nothing before. At the stream's beginning the same token comes back.
    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    """
    events: list[OutputLogEventTypeDef] = []
    token: str | None = None
    for _ in range(_MOST_PAGES):
        page = logs.get_log_events(
            logGroupName=LOG_GROUP,
            logStreamName=stream,
            limit=_EVENTS,
            startFromHead=False,
            **({"nextToken": token} if token else {}),  # type: ignore[arg-type] # taken for any of the arguments
        )
        events = [*page["events"], *events]
        if len(events) >= _EVENTS or page["nextBackwardToken"] == token:
            break
        token = page["nextBackwardToken"]
    return events[-_EVENTS:]
