"""Starts the training job once, however often the step is tried again or the execution redriven."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from pipeline.aws_errors import NO_EXECUTION, error_code, error_message, raising_unavailable
from pipeline.billing import affordable_seconds, cost_usd
from pipeline.client_types import S3Client, SageMakerClient, SFNClient
from pipeline.dataset.lock import acquire
from pipeline.dataset.validation import DatasetCheck
from pipeline.errors import AwsUnavailable, InstanceNotFree, LaunchFailed, OverBudget
from pipeline.execution import AT_WORK, Execution
from pipeline.job.arguments import CODE_ARCHIVE, checkpoints_uri, max_wait_seconds, training_job_arguments
from pipeline.job.cost import committed_usd, usd_per_hour
from pipeline.job.description import billable_seconds, describe_job, has_completed, possible_types
from pipeline.job.execution_jobs import belongs_to, existing_jobs, stop_job
from pipeline.job.history_budget import HistoryBudget
from pipeline.job.instance_release import raise_if_about_to_be_free
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.job.starting_weights import choose_weights
from pipeline.quote.cost_quote import Choice, Quote
from pipeline.request import Request
from pipeline.s3_layout import training_code_prefix, uri
from pipeline.settings import LaunchSettings

LEAST_SECONDS = 60
"""A job that may run for less could not even load its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """The inputs of one Launch: request, quote, attempt."""

    request: Request
    dataset: DatasetCheck
    quote: Quote
    attempt: Attempt
    execution: Execution
    settings: LaunchSettings
    now: datetime


def start_job(sagemaker: SageMakerClient, s3: S3Client, stepfunctions: SFNClient, launch: Launch) -> LaunchedJob:
    """Create the attempt's training job, or take the one that is there.

    Raises AlreadyRunning if another execution has taken the data set's lock, LaunchFailed with SageMaker's reason or
    what is missing, OverBudget if the earlier jobs have used up the cap, InstanceNotFree if an earlier job is about to
    release the instance, or AwsUnavailable if a second try may help.
    """
    # An aborted execution has released its lock; when it is redriven, it may get here without passing Lock again.
    acquire(
        s3,
        stepfunctions,
        bucket=launch.settings.bucket,
        dataset_prefix=launch.request.dataset_prefix,
        execution=launch.execution,
        now=launch.now,
    )
    budget = HistoryBudget.of(stepfunctions, launch.execution)
    job = _job_of(sagemaker, s3, stepfunctions, launch)
    longest = max_wait_seconds(job.max_runtime_seconds)
    interval = budget.interval_seconds(longest=longest, configured=job.watch_interval_seconds)
    return replace(job, watch_interval_seconds=interval)


def _job_of(sagemaker: SageMakerClient, s3: S3Client, stepfunctions: SFNClient, launch: Launch) -> LaunchedJob:
    jobs = existing_jobs(sagemaker, launch.execution, at_least=launch.attempt.number)
    for number, found in reversed(jobs.items()):
        if _serves(found, number, launch):
            return _taken(sagemaker, found, number, _before(jobs, number), launch)
        if found["TrainingJobStatus"] == "Stopping":  # it still writes checkpoints, from which the next job goes on
            raise InstanceNotFree(
                f"The training job {found['TrainingJobName']} is stopping: the next one waits for its end."
            )
    number = max(launch.attempt.number, max(jobs, default=-1) + 1)
    earlier = launch.quote.earlier_model
    weights = earlier.key if earlier else choose_weights(s3, bucket=launch.settings.bucket, request=launch.request)
    _copy_code(s3, launch.settings)
    job = _create_first_possible(sagemaker, number, _before(jobs, number), weights, launch)
    _stop_if_aborted(sagemaker, stepfunctions, job.name, launch.execution)
    return job


def _serves(job: Mapping[str, Any], number: int, launch: Launch) -> bool:
    """Whether the job is one of this stage, from an earlier try or before a redrive, and runs or has completed.

    One that completed before the attempt was found to be without a model.
    """
    folder = checkpoints_uri(launch.settings.bucket, launch.execution, launch.attempt.stage)
    if job.get("CheckpointConfig", {}).get("S3Uri") != folder:
        return False
    if job["TrainingJobStatus"] == "InProgress":
        return True
    return number >= launch.attempt.number and has_completed(job, launch.execution.region)


def _before(jobs: Mapping[int, Mapping[str, Any]], number: int) -> list[Mapping[str, Any]]:
    return [job for earlier, job in jobs.items() if earlier < number]


def _taken(
    sagemaker: SageMakerClient,
    job: Mapping[str, Any],
    number: int,
    earlier: list[Mapping[str, Any]],
    launch: Launch,
) -> LaunchedJob:
    """A job that is there, if it carries this execution's tag."""
    if not belongs_to(sagemaker, job, launch.execution):
        raise LaunchFailed(
            f"There already is a training job {job['TrainingJobName']} that this execution did not start: "
            "start a new execution under another name."
        )
    types, spot = possible_types(job), bool(job.get("EnableManagedSpotTraining"))
    same = [
        index
        for index, choice in enumerate(launch.quote.choices)
        if set(choice.instance_types) == types and choice.spot is spot
    ]
    index = same[0] if same else launch.attempt.choice
    seconds = job["StoppingCondition"]["MaxRuntimeInSeconds"]
    launched = _launched(launch, number, earlier, index=index, max_runtime_seconds=seconds)
    # Watch and Finalise counted it before the redrive; in a further try of Launch it has only just begun.
    counted = cost_usd(usd_per_hour(job, launch.quote), billable_seconds(job, now=launch.now))
    return replace(launched, counted_usd=counted)


def _create_first_possible(
    sagemaker: SageMakerClient,
    number: int,
    earlier: list[Mapping[str, Any]],
    weights: str | None,
    launch: Launch,
) -> LaunchedJob:
    """Go through the choices until SageMaker accepts one: it refuses a quota at once, while no capacity shows later.

    After a shared choice, which may be refused for any of its types or by the SDK, come its types by themselves.
    """
    spent = committed_usd(earlier, launch.quote, now=launch.now)
    left = launch.request.max_cost_usd - spent
    refusals: list[str] = []
    first = launch.attempt.choice
    for index, choice in enumerate(launch.quote.choices[first:], start=first):
        affordable = affordable_seconds(max(0.0, left), choice.usd_per_hour)
        seconds = min(choice.max_runtime_seconds[launch.attempt.stage], affordable)
        if seconds < LEAST_SECONDS:
            continue
        arguments = training_job_arguments(
            request=launch.request,
            stage=launch.attempt.stage,
            choice=choice,
            max_runtime_seconds=seconds,
            dataset=launch.dataset,
            weights=weights,
            baselines=_baselines(launch),
            execution=launch.execution,
            number=number,
            settings=launch.settings,
        )
        try:
            with raising_unavailable():
                sagemaker.create_training_job(**arguments)
        except ParamValidationError as error:
            if len(choice.instance_types) == 1:
                raise
            refusals.append(_refusal(choice, "ParamValidationError", str(error)))
        except ClientError as error:
            if _name_is_taken(error):
                there = _described(sagemaker, arguments["TrainingJobName"])
                return _taken(sagemaker, there, number, earlier, launch)
            refusals.append(_refusal(choice, error_code(error), error_message(error)))
            if error_code(error) == "ResourceLimitExceeded":
                raise_if_about_to_be_free(sagemaker, earlier, choice, now=launch.now)
            elif len(choice.instance_types) == 1:
                raise LaunchFailed(f"{' '.join(refusals)} Compare the request with what it names.") from error
        else:
            return _launched(launch, number, earlier, index=index, max_runtime_seconds=seconds)
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


def _baselines(launch: Launch) -> str | None:
    """Where the baselines are, for the last stage: no other's model is judged."""
    is_last = launch.attempt.stage + 1 == len(launch.request.stages)
    return launch.quote.baselines.prefix if launch.quote.baselines and is_last else None


def _launched(
    launch: Launch,
    number: int,
    earlier: list[Mapping[str, Any]],
    *,
    index: int,
    max_runtime_seconds: int,
) -> LaunchedJob:
    """The job of the choice `index`."""
    stage, choice = launch.attempt.stage, launch.quote.choices[index]
    return LaunchedJob(
        name=launch.execution.job_name(number),
        stage=stage,
        choice=index,
        number=number,
        redrive_count=launch.execution.redrive_count,
        instance_types=choice.instance_types,
        spot=choice.spot,
        cost_before_usd=round(committed_usd(earlier, launch.quote, now=launch.now), 2),
        max_runtime_seconds=max_runtime_seconds,
        checkpoints_uri=checkpoints_uri(launch.settings.bucket, launch.execution, stage),
        watch_interval_seconds=launch.settings.watch_interval_seconds,
    )


def _stop_if_aborted(sagemaker: SageMakerClient, stepfunctions: SFNClient, name: str, execution: Execution) -> None:
    """An execution may be aborted while this step runs: nobody would learn of the job that it then starts.

    DescribeExecution is eventually consistent: it may not know a new execution yet, and tell the end before a redrive.
    """
    try:
        with raising_unavailable():
            described = stepfunctions.describe_execution(executionArn=execution.arn)
    except ClientError as error:
        if error_code(error) not in NO_EXECUTION:
            raise
        raise AwsUnavailable("Step Functions does not show the execution yet.") from error
    if described.get("redriveCount", 0) < execution.redrive_count:
        raise AwsUnavailable("Step Functions does not show the execution's redrive yet.")
    status = described["status"]
    if status in AT_WORK:
        return
    job = describe_job(sagemaker, name)
    if job is not None:
        stop_job(sagemaker, job, execution)
    raise LaunchFailed(f"The execution is {status}: its training job {name} was stopped again.")


def _copy_code(s3: S3Client, settings: LaunchSettings) -> None:
    """Keep a copy: a spot job fetches its code again at each restart, and the next deployment may delete the asset."""
    key = training_code_prefix(settings.code_asset_key) + CODE_ARCHIVE
    bucket, asset = settings.code_asset_bucket, settings.code_asset_key
    try:
        with raising_unavailable():
            s3.copy_object(Bucket=settings.bucket, Key=key, CopySource={"Bucket": bucket, "Key": asset})
    except ClientError as error:
        raise LaunchFailed(
            f"The training code {uri(bucket, asset)} could not be copied: {error_message(error)} "
            "Deploy the stack again."
        ) from error


def _name_is_taken(error: ClientError) -> bool:
    return error_code(error) == "ResourceInUse" or "already exists" in error_message(error)


def _described(sagemaker: SageMakerClient, name: str) -> dict[str, Any]:
    job = describe_job(sagemaker, name)
    if job is None:  # CreateTrainingJob knows it, DescribeTrainingJob does not yet
        raise AwsUnavailable(f"SageMaker says that {name} exists, but does not show it yet.")
    return job


def _refusal(choice: Choice, code: str, message: str) -> str:
    return f"SageMaker did not accept a training job on {choice.name} ({code}): {message}"
