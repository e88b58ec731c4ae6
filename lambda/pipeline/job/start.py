"""Starts the training job once, however often the step is tried again or the execution redriven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.billing import affordable_seconds
from pipeline.dataset.lock import acquire
from pipeline.errors import AwsUnavailable, LaunchFailed, OverBudget
from pipeline.execution import Execution
from pipeline.job.arguments import CODE_ARCHIVE, checkpoints_uri, training_job_arguments, watch_interval_seconds
from pipeline.job.cost import committed_usd
from pipeline.job.execution_jobs import belongs_to, existing_jobs, stop_job
from pipeline.job.pretrained_weights import choose_weights
from pipeline.job.state import describe_job, has_completed, possible_types
from pipeline.request import Request
from pipeline.s3_layout import training_code_prefix
from pipeline.settings import LaunchSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_stepfunctions import SFNClient

LEAST_SECONDS = 60
"""A job that may run for less could not even load its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What Launch is to do: `attempt` names one of request.runs and the first of quote["choices"] to try."""

    request: Request
    dataset: Mapping[str, Any]
    quote: Mapping[str, Any]
    attempt: Mapping[str, int]
    execution: Execution
    settings: LaunchSettings
    now: datetime

    @property
    def choices(self) -> dict[int, Mapping[str, Any]]:
        """The choices that are left, by their index."""
        return {index: choice for index, choice in enumerate(self.quote["choices"]) if index >= self.attempt["choice"]}


def start_job(sagemaker: SageMakerClient, s3: S3Client, stepfunctions: SFNClient, launch: Launch) -> dict[str, Any]:
    """Create the attempt's training job, or take the one that is there; return what Watch needs, as $.job.

    Raises AlreadyRunning if another execution has taken the data set's lock, LaunchFailed with SageMaker's reason or
    what is missing, OverBudget if the earlier jobs have used up the cap, or AwsUnavailable if a second try may help.
    """
    # An aborted execution has given its lock back; when it is redriven it may come here without passing Lock again.
    acquire(
        s3,
        stepfunctions,
        bucket=launch.settings.bucket,
        dataset_prefix=launch.request.dataset_prefix,
        execution=launch.execution,
    )
    jobs = existing_jobs(sagemaker, launch.execution, at_least=launch.attempt["number"])
    for number, job in reversed(jobs.items()):
        if _serves(job, launch):
            return _taken(sagemaker, job, number, _before(jobs, number), launch)
    number = max(launch.attempt["number"], max(jobs, default=-1) + 1)
    weights = choose_weights(s3, bucket=launch.settings.bucket, request=launch.request)
    _copy_code(s3, launch.settings)
    state = _create_first_possible(sagemaker, number, _before(jobs, number), weights, launch)
    _stop_if_aborted(sagemaker, stepfunctions, state["name"], launch.execution)
    return state


def _serves(job: Mapping[str, Any], launch: Launch) -> bool:
    """Whether an earlier try or the execution before its redrive created this job, and it runs or has done its work."""
    folder = checkpoints_uri(launch.settings.bucket, launch.execution, launch.attempt["run"])
    if job.get("CheckpointConfig", {}).get("S3Uri") != folder:
        return False
    return job["TrainingJobStatus"] == "InProgress" or has_completed(job, launch.execution.region)


def _before(jobs: Mapping[int, Mapping[str, Any]], number: int) -> list[Mapping[str, Any]]:
    return [job for earlier, job in jobs.items() if earlier < number]


def _taken(
    sagemaker: SageMakerClient,
    job: Mapping[str, Any],
    number: int,
    earlier: list[Mapping[str, Any]],
    launch: Launch,
) -> dict[str, Any]:
    """The state of a job that is there, if it carries this execution's tag."""
    if not belongs_to(sagemaker, job, launch.execution):
        raise LaunchFailed(
            f"There already is a training job {job['TrainingJobName']} that this execution did not start: "
            "start a new execution under another name."
        )
    types, spot = possible_types(job), bool(job.get("EnableManagedSpotTraining"))
    choices = dict(enumerate(launch.quote["choices"]))
    same = [index for index, each in choices.items() if set(each["instance_types"]) == types and each["spot"] is spot]
    index = same[0] if same else launch.attempt["choice"]
    seconds = job["StoppingCondition"]["MaxRuntimeInSeconds"]
    return _state(launch, number, earlier, index=index, max_runtime_seconds=seconds)


def _create_first_possible(
    sagemaker: SageMakerClient,
    number: int,
    earlier: list[Mapping[str, Any]],
    weights: str | None,
    launch: Launch,
) -> dict[str, Any]:
    """Go through the choices until SageMaker accepts one: a quota is refused at once, lacking capacity shows later."""
    spent = committed_usd(earlier, launch.quote, now=launch.now)
    left = launch.request.max_cost_usd - spent
    refusals: list[str] = []
    for index, choice in launch.choices.items():
        affordable = affordable_seconds(max(0.0, left), choice["usd_per_hour"])
        seconds = min(choice["max_runtime_seconds"][launch.attempt["run"]], affordable)
        if seconds < LEAST_SECONDS:
            continue
        arguments = training_job_arguments(
            request=launch.request,
            run=launch.attempt["run"],
            choice=choice,
            max_runtime_seconds=seconds,
            dataset=launch.dataset,
            weights=weights,
            execution=launch.execution,
            number=number,
            settings=launch.settings,
        )
        try:
            with raising_unavailable():
                sagemaker.create_training_job(**arguments)
        except ClientError as error:
            if _name_is_taken(error):
                return _taken(sagemaker, _shown(sagemaker, arguments["TrainingJobName"]), number, earlier, launch)
            if error_code(error) != "ResourceLimitExceeded":
                raise LaunchFailed(_refusal(error, choice, "Compare the request with what it names.")) from error
            refusals.append(_refusal(error, choice, ""))
            continue
        return _state(launch, number, earlier, index=index, max_runtime_seconds=seconds)
    if refusals:
        raise LaunchFailed(
            f"{' '.join(refusals)} Ask for a higher quota in the Service Quotas console (Amazon SageMaker AI; 'for "
            "training job usage' and 'for spot training job usage' are two quotas), or choose other instance_types."
        )
    raise OverBudget(
        f"No further training job was started: the earlier ones of this execution cost {spent:.2f} USD, and what is "
        f"left of max_cost_usd, {launch.request.max_cost_usd:.2f} USD, pays for less than {LEAST_SECONDS} seconds. "
        "Start again with a higher max_cost_usd."
    )


def _state(
    launch: Launch, number: int, earlier: list[Mapping[str, Any]], *, index: int, max_runtime_seconds: int
) -> dict[str, Any]:
    """$.job, as Watch, Stop and Judge read it; `index` is the choice's."""
    run, choice = launch.attempt["run"], launch.quote["choices"][index]
    return {
        "name": launch.execution.job_name(number),
        "run": run,
        "choice": index,
        "number": number,
        "redrive_count": launch.execution.redrive_count,
        "instance_types": list(choice["instance_types"]),
        "spot": choice["spot"],
        "cost_before_usd": round(committed_usd(earlier, launch.quote, now=launch.now), 2),
        "max_runtime_seconds": max_runtime_seconds,
        "checkpoints_uri": checkpoints_uri(launch.settings.bucket, launch.execution, run),
        "watch_interval_seconds": watch_interval_seconds(choice, launch.settings.watch_interval),
        "first_minutes": "open",
        "stop": None,
    }


def _stop_if_aborted(sagemaker: SageMakerClient, stepfunctions: SFNClient, name: str, execution: Execution) -> None:
    """An execution may be aborted while this step runs, which goes on: nobody would know of the job it started."""
    with raising_unavailable():
        status = stepfunctions.describe_execution(executionArn=execution.arn)["status"]
    if status == "RUNNING":
        return
    job = describe_job(sagemaker, name)
    if job is not None:
        stop_job(sagemaker, job, execution)
    raise LaunchFailed(f"The execution is {status}: its training job {name} was stopped again.")


def _copy_code(s3: S3Client, settings: LaunchSettings) -> None:
    """Keep the code that trains a model beside it.

    The deployment's assets may go with the next deployment, while a spot job fetches its code again at each restart.
    """
    key = training_code_prefix(settings.code_asset_key) + CODE_ARCHIVE
    source = {"Bucket": settings.code_asset_bucket, "Key": settings.code_asset_key}
    try:
        with raising_unavailable():
            s3.copy_object(
                Bucket=settings.bucket, Key=key, CopySource={"Bucket": source["Bucket"], "Key": source["Key"]}
            )
    except ClientError as error:
        raise LaunchFailed(
            f"The training code s3://{source['Bucket']}/{source['Key']} could not be copied: {error_message(error)} "
            "Deploy the stack again."
        ) from error


def _name_is_taken(error: ClientError) -> bool:
    return error_code(error) == "ResourceInUse" or "already exists" in error_message(error)


def _shown(sagemaker: SageMakerClient, name: str) -> dict[str, Any]:
    job = describe_job(sagemaker, name)
    if job is None:  # visible to CreateTrainingJob, not yet to DescribeTrainingJob
        raise AwsUnavailable(f"SageMaker says that {name} exists, but does not show it yet.")
    return job


def _refusal(error: ClientError, choice: Mapping[str, Any], remedy: str) -> str:
    kind = f"{' or '.join(choice['instance_types'])} ({'spot' if choice['spot'] else 'on demand'})"
    said = f"SageMaker did not accept a training job on {kind} ({error_code(error)}): {error_message(error)}"
    return f"{said} {remedy}".strip()
