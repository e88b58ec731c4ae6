"""Finds ends that nobody attended to: executions that have ended, but left a job, a lock, or no message.

An event of EventBridge may be lost, and Finalise itself may fail.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import NO_EXECUTION, error_code, raising_unavailable
from pipeline.client_types import S3Client, SageMakerClient, SFNClient
from pipeline.dataset.lock import holders
from pipeline.ending.message_delivery import was_sent
from pipeline.ending.unattended_end import STOPPED
from pipeline.execution import AT_WORK, Execution
from pipeline.job.execution_jobs import owners_of_running_jobs

_PATIENCE = timedelta(minutes=10)
"""An end that is younger may still be attended to by its event."""
_REMEMBERED = timedelta(days=2)
"""An end that is older has had its message from an earlier sweep, or never will."""


def ends_to_attend(
    sagemaker: SageMakerClient,
    s3: S3Client,
    stepfunctions: SFNClient,
    *,
    bucket: str,
    state_machine_arn: str,
    now: datetime,
) -> list[Mapping[str, Any]]:
    """DescribeExecution's answers about them. Raises AwsUnavailable, or ClientError.

    They are eventually consistent: after a redrive, they may tell of the end before it. Launch takes the lock before it
    creates a job, so the locks, read after the jobs, know of a redrive by which a job runs.
    """
    executions = f"{state_machine_arn.replace(':stateMachine:', ':execution:', 1)}:"
    owners = owners_of_running_jobs(sagemaker)
    redrives = holders(s3, bucket=bucket)
    found = {
        arn: _description(stepfunctions, arn) for arn in sorted(owners | set(redrives)) if arn.startswith(executions)
    }
    for listed in _ended(stepfunctions, state_machine_arn, since=now - _REMEMBERED):
        arn = listed["executionArn"]
        if arn not in found and not was_sent(s3, bucket, Execution.from_description(listed)):
            found[arn] = _description(stepfunctions, arn)
    return [
        description
        for arn, description in found.items()
        if description is not None
        and description.get("redriveCount", 0) >= redrives.get(arn, 0)
        and description["status"] not in AT_WORK
        and description["stopDate"] < now - _PATIENCE
    ]


def _ended(stepfunctions: SFNClient, state_machine_arn: str, *, since: datetime) -> Iterator[Mapping[str, Any]]:
    """The executions that have not succeeded; one that has, has passed Finalise."""
    with raising_unavailable():
        for status in ("FAILED", *STOPPED):
            pages = stepfunctions.get_paginator("list_executions").paginate(
                stateMachineArn=state_machine_arn,
                statusFilter=status,  # type: ignore[arg-type]
                PaginationConfig={"PageSize": 100},
            )
            for listed in (item for page in pages for item in page["executions"]):
                if listed["stopDate"] < since:  # the newest end comes first
                    break
                yield listed


def _description(stepfunctions: SFNClient, arn: str) -> Mapping[str, Any] | None:
    """None of an execution that is not there, or not shown yet."""
    try:
        with raising_unavailable():
            return stepfunctions.describe_execution(executionArn=arn)
    except ClientError as error:
        if error_code(error) in NO_EXECUTION:
            return None
        raise
