"""What a training job's state means: go on waiting, completed, or ended otherwise, and what it has cost so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.errors import PipelineError, TrainingFailed, TrainingStopped, TrainingTimedOut
from pipeline.links import log_group_link
from pipeline.pricing import USD_PER_HOUR, cost_usd

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One look at a training job."""

    action: Literal["wait", "completed", "failed"]
    status: str
    """TrainingJobStatus."""
    secondary_status: str
    error: str | None = None
    """For "failed": the name that the execution ends with."""
    cause: str | None = None
    """For "failed": what happened and where to look."""
    artifact_uri: str | None = None
    """model.tar.gz, once it holds a model."""
    billable_seconds: int
    """As billed, or while it runs the seconds since it started: an upper bound for spot."""
    cost_usd: float

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it."""
        return asdict(self)


def describe_job(sagemaker: SageMakerClient, name: str) -> dict[str, Any] | None:
    """DescribeTrainingJob's answer; None if there is no such job. Raises AwsUnavailable."""
    try:
        with raising_unavailable():
            return dict(sagemaker.describe_training_job(TrainingJobName=name))
    except ClientError as error:
        missing = error_code(error) == "ValidationException" and "not found" in error_message(error).lower()
        if missing or error_code(error) == "ResourceNotFound":
            return None
        raise


def judge(job: Mapping[str, Any], *, region: str, now: datetime) -> Progress:
    """What the state machine does next. `job` is DescribeTrainingJob's answer, `now` has a time zone."""
    status, secondary = job["TrainingJobStatus"], job.get("SecondaryStatus", "")
    seconds = billable_seconds(job, now=now)
    end = _end(job, region)
    completed = status == "Completed" and end is None
    return Progress(
        action="failed" if end else "completed" if completed else "wait",
        status=status,
        secondary_status=secondary,
        error=type(end).__name__ if end else None,
        cause=str(end) if end else None,
        # SageMaker names the place long before there is anything, and of a job that was stopped it packs what there is:
        # no model, which the trainer writes last.
        artifact_uri=job.get("ModelArtifacts", {}).get("S3ModelArtifacts") if completed else None,
        billable_seconds=seconds,
        cost_usd=cost_usd(float(USD_PER_HOUR[job["ResourceConfig"]["InstanceType"]]), seconds),
    )


def billable_seconds(job: Mapping[str, Any], *, now: datetime) -> int:
    """BillableTimeInSeconds once SageMaker knows it (spot's discount included), else the time since it started."""
    billed: int | None = job.get("BillableTimeInSeconds")
    if billed is not None:
        return billed
    started: datetime | None = job.get("TrainingStartTime")
    if started is None:
        return 0
    ended: datetime = job.get("TrainingEndTime", now)
    return max(0, round((ended - started).total_seconds()))


def _end(job: Mapping[str, Any], region: str) -> PipelineError | None:
    """The error that the job's end stands for; None while it runs and when it completed."""
    name, status, secondary = job["TrainingJobName"], job["TrainingJobStatus"], job.get("SecondaryStatus", "")
    limits = job.get("StoppingCondition", {})
    logs = f"Its log: {log_group_link(region, name)}"
    end: PipelineError | None = None
    if status in ("InProgress", "Stopping"):
        pass  # "Interrupted", too: SageMaker restarts a spot job when there is capacity again
    elif secondary == "MaxRuntimeExceeded":
        end = TrainingTimedOut(
            f"The training job {name} reached its limit of {_hours(limits, 'MaxRuntimeInSeconds')} and was stopped. "
            f"Start again with a higher max_runtime_hours; a new execution trains from the beginning. {logs}"
        )
    elif secondary == "MaxWaitTimeExceeded":
        end = TrainingTimedOut(
            f"The training job {name} found too little spot capacity within {_hours(limits, 'MaxWaitTimeInSeconds')}. "
            f'Start again with {{"spot": false}} or another instance_type. {logs}'
        )
    elif status == "Failed":
        end = TrainingFailed(
            f"The training job {name} failed: {job.get('FailureReason') or 'SageMaker gives no reason.'} {logs}"
        )
    elif secondary == "Interrupted":
        end = TrainingStopped(
            f"The training job {name} lost its spot capacity and was not resumed. "
            f'Start again, with {{"spot": false}} if it happens often. {logs}'
        )
    elif status != "Completed":
        end = TrainingStopped(f"The training job {name} was stopped by hand, or by another program. {logs}")
    return end


def _hours(limits: Mapping[str, Any], name: str) -> str:
    return f"{limits[name] / 3600:.3g} h" if name in limits else "its time limit"
