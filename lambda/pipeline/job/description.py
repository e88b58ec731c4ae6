"""What DescribeTrainingJob tells about a job: its status, its billed time, and the error that it ended with."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from dataset_contract.sanitise import sanitise
from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.client_types import SageMakerClient
from pipeline.errors import LaunchFailed, PipelineError, TrainingFailed, TrainingStopped, TrainingTimedOut
from pipeline.links import log_group_link

BILLED = frozenset({"Downloading", "DownloadingTrainingImage", "Training", "Updating", "Uploading", "Stopping"})
"""The secondary statuses in which the job is paid for."""
_TRAINED = BILLED - {"Stopping"}
"""Those that no job goes through which was stopped in the queue."""
ON_INSTANCE = BILLED | {"PreparingTrainingStack"}
"""Those in which it has one."""
QUEUED = frozenset({"Starting", "Pending", "LaunchingMLInstances", "Interrupted", "Restarting"})
"""Those in which it waits for one. "Interrupted", too: SageMaker restarts a spot job when there is capacity again."""


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


def require_job(sagemaker: SageMakerClient, name: str) -> dict[str, Any]:
    """DescribeTrainingJob's answer. Raises TrainingFailed if there is no such job, AwsUnavailable."""
    job = describe_job(sagemaker, name)
    if job is None:
        raise TrainingFailed(f"The training job {name} no longer exists: somebody deleted it. Start again.")
    return job


def has_ended(job: Mapping[str, Any]) -> bool:
    """Whether nothing will change."""
    return job["TrainingJobStatus"] not in ("InProgress", "Stopping")


def has_completed(job: Mapping[str, Any], region: str) -> bool:
    """Whether it trained to its end, and so left a model."""
    return job["TrainingJobStatus"] == "Completed" and error_of(job, region) is None


def instance_type(job: Mapping[str, Any]) -> str:
    """The instance type the job runs on; of several that it may get, the first until one has been chosen."""
    resources = job["ResourceConfig"]
    chosen = resources.get("SelectedInstanceType") or resources.get("InstanceType")
    return str(chosen or resources["InstancePreferences"][0]["InstanceType"])


def instance_count(job: Mapping[str, Any]) -> int:
    """The number of instances the job runs on, all of one type."""
    resources = job["ResourceConfig"]
    return int((resources.get("InstancePreferences") or [resources])[0]["InstanceCount"])


def possible_types(job: Mapping[str, Any]) -> set[str]:
    """The instance types of which the job may get any."""
    resources = job["ResourceConfig"]
    return {each["InstanceType"] for each in resources.get("InstancePreferences") or [resources]}


def had_instance(job: Mapping[str, Any]) -> bool:
    """Whether it ever had one to pay for. Else SageMaker bills nothing and never tells BillableTimeInSeconds."""
    statuses = {transition["Status"] for transition in job.get("SecondaryStatusTransitions", [])}
    return "TrainingStartTime" in job or not statuses.isdisjoint(_TRAINED)


def billable_seconds(job: Mapping[str, Any], *, now: datetime) -> int:
    """BillableTimeInSeconds once SageMaker knows it (spot's discount included), else the time on an instance so far."""
    billed: int | None = job.get("BillableTimeInSeconds")
    if billed is not None:
        return billed
    if not had_instance(job):
        return 0
    transitions = job.get("SecondaryStatusTransitions")
    if transitions:
        spans = (
            transition.get("EndTime", now) - transition["StartTime"]
            for transition in transitions
            if transition["Status"] in BILLED
        )
        return max(0, round(sum(spans, timedelta()).total_seconds()))
    started: datetime = job["TrainingStartTime"]
    ended: datetime = job.get("TrainingEndTime", now)
    return max(0, round((ended - started).total_seconds()))


def queued_since(job: Mapping[str, Any]) -> datetime:
    """Since when a job in one of QUEUED has waited for an instance."""
    since: datetime = job["CreationTime"]
    for transition in reversed(job.get("SecondaryStatusTransitions", [])):
        if transition["Status"] not in QUEUED:
            break
        since = transition["StartTime"]
    return since


def status_began(job: Mapping[str, Any]) -> datetime:
    """When the job's present secondary status began."""
    transitions = job.get("SecondaryStatusTransitions")
    began: datetime = transitions[-1]["StartTime"] if transitions else job["CreationTime"]
    return began


def lacked_capacity(job: Mapping[str, Any]) -> bool:
    """Whether the ended job ended because there was no instance for it."""
    return "CapacityError" in job.get("FailureReason", "") or job.get("SecondaryStatus") in (
        "MaxWaitTimeExceeded",
        "Interrupted",
    )


def failed_in_sagemaker(job: Mapping[str, Any]) -> bool:
    """Whether SageMaker itself failed, such as its instance, and not what ran on it."""
    reason: str = job.get("FailureReason", "")
    return job["TrainingJobStatus"] == "Failed" and reason.startswith("InternalServerError")


def error_of(job: Mapping[str, Any], region: str) -> PipelineError | None:
    """The error that the job ended with; None while it runs and when it completed."""
    name, status, secondary = job["TrainingJobName"], job["TrainingJobStatus"], job.get("SecondaryStatus", "")
    limits = job.get("StoppingCondition", {})
    reason = sanitise(job.get("FailureReason") or "SageMaker gives no reason.", longest=1100)
    logs = f"Its log: {log_group_link(region, name)}"
    error: PipelineError | None = None
    if not has_ended(job):
        pass
    elif secondary == "MaxRuntimeExceeded":
        error = TrainingTimedOut(
            f"The training job {name} reached its limit of {_hours(limits, 'MaxRuntimeInSeconds')}, which is what "
            f"max_cost_usd pays for. Start again with a higher one; a new execution trains from the beginning. {logs}"
        )
    elif secondary == "MaxWaitTimeExceeded":
        error = TrainingTimedOut(
            f"The training job {name} found too little spot capacity within {_hours(limits, 'MaxWaitTimeInSeconds')}. "
            f'Redrive later, or start again with {{"spot": false}} or other instance_types. {logs}'
        )
    elif status == "Failed" and lacked_capacity(job):
        error = LaunchFailed(
            f"The training job {name} found no capacity of {instance_type(job)}: {reason} "
            "Redrive later, or start again with more instance_types, which are then tried in turn."
        )
    elif status == "Failed":
        error = TrainingFailed(f"The training job {name} failed: {reason} {logs}")
    elif secondary == "Interrupted":
        error = TrainingStopped(
            f"The training job {name} lost its spot capacity and was not resumed. "
            f'Redrive, or start again with {{"spot": false}} if it happens often. {logs}'
        )
    elif status != "Completed":
        error = TrainingStopped(
            f"The training job {name} was stopped by hand, or by another program. "
            f"Redrive: it continues from the last checkpoint. {logs}"
        )
    return error


def _hours(limits: Mapping[str, Any], name: str) -> str:
    return f"{limits[name] / 3600:.3g} h" if name in limits else "its time limit"
