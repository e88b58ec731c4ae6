"""What is done at the end of every execution: no job is left running, the lock is released, one message is sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message
from pipeline.billing import cost_usd
from pipeline.client_types import CloudWatchClient, S3Client, SageMakerClient, SNSClient
from pipeline.cloudwatch_metrics import SPENT, put_metrics
from pipeline.dataset.lock import release
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.finished_execution import FinishedExecution
from pipeline.ending.message_delivery import send_once
from pipeline.ending.outcome import Failure
from pipeline.execution import Execution
from pipeline.job.cost import jobs_cost, usd_per_hour
from pipeline.job.description import billable_seconds
from pipeline.job.execution_jobs import existing_jobs, stop_job
from pipeline.job.starting_weights import starting_weights
from pipeline.request import PRESETS
from pipeline.s3_layout import LOCKS, uri
from pipeline.settings import FinaliseSettings


def finalise(
    *,
    sagemaker: SageMakerClient,
    s3: S3Client,
    sns: SNSClient,
    cloudwatch: CloudWatchClient,
    state: ExecutionState,
    execution: Execution,
    failure: Failure | None,
    settings: FinaliseSettings,
    only_if_filed: bool = False,
    now: datetime,
) -> FinishedExecution:
    """Stop those of this execution's jobs that still run, release its lock, and send the message about its end.

    The message comes last, since it reports the rest. All of it may be repeated, by a further try or by a second call
    for the same end. `only_if_filed`: the message is not sent where it cannot be filed. Raises AwsUnavailable, and
    then ClientError.
    """
    notes: list[str] = []
    jobs = _end_jobs(sagemaker, state, execution, notes)
    _release_lock(s3, execution, settings, notes)
    finished = FinishedExecution(
        execution=execution,
        ended=now,
        failure=failure,
        state=state,
        jobs=jobs,
        cost=jobs_cost(jobs, state.quote, now=now),
        starting_weights=_starting_weights(jobs, state, settings),
        notes=notes,
    )
    sent = send_once(
        sns,
        s3,
        topic_arn=settings.topic_arn,
        bucket=settings.bucket,
        finished=finished,
        only_if_filed=only_if_filed,
    )
    if sent and jobs:  # or a further try would count the cost once more
        put_metrics(cloudwatch, {SPENT: _uncounted_usd(jobs, state, now=now)})
    return finished


def _uncounted_usd(jobs: list[dict[str, Any]], state: ExecutionState, *, now: datetime) -> float:
    """What Watch has not counted of the job that the state names, and of jobs that it lost.

    Earlier ones were counted to their ends. Of an aborted execution the state is not known: Watch's last snapshot
    stands, until a redrive goes on from it.
    """
    if state.job is None:
        return 0.0
    names = [job["TrainingJobName"] for job in jobs]
    if state.job.name not in names:
        return 0.0
    counted = state.watch.counted_usd if state.watch else state.job.counted_usd
    costs = (
        cost_usd(usd_per_hour(job, state.quote), billable_seconds(job, now=now))
        for job in jobs[names.index(state.job.name) :]
    )
    return round(sum(costs) - counted, 2)


def _end_jobs(
    sagemaker: SageMakerClient, state: ExecutionState, execution: Execution, notes: list[str]
) -> list[dict[str, Any]]:
    """All jobs of the execution, after those that run were told to stop; a refusal by SageMaker becomes a note.

    The state does not name a job whose Launch broke off, so they are looked up by the names that they can have.
    """
    jobs: list[dict[str, Any]] = []
    known = state.job.number + 1 if state.job else 0
    try:
        jobs = list(existing_jobs(sagemaker, execution, at_least=known).values())
        for job in jobs:
            if job["TrainingJobStatus"] == "InProgress":
                notes.append(_stopped(sagemaker, job, execution))
    except ClientError as error:
        notes.append(
            f"The training jobs {execution.job_name(0)} and following could not be described or stopped "
            f"({error_code(error)}: {error_message(error)}): stop them if they still run."
        )
    return jobs


def _stopped(sagemaker: SageMakerClient, job: Mapping[str, Any], execution: Execution) -> str:
    """Tell the job to stop, and people about it."""
    name = job["TrainingJobName"]
    if stop_job(sagemaker, job, execution):
        return (
            f"The training job {name} was still running and has been told to stop; its cost below grows until it has."
        )
    return (
        f"The training job {name} still runs and was not told to stop, since it does not carry this execution's tag: "
        "stop it, unless it is somebody else's."
    )


def _release_lock(s3: S3Client, execution: Execution, settings: FinaliseSettings, notes: list[str]) -> None:
    try:
        release(s3, bucket=settings.bucket, execution=execution)
    except ClientError as error:
        notes.append(
            f"The lock below {uri(settings.bucket, LOCKS)} could not be removed ({error_code(error)}: "
            f"{error_message(error)}); the next run takes it over."
        )


def _starting_weights(jobs: list[dict[str, Any]], state: ExecutionState, settings: FinaliseSettings) -> str | None:
    if not jobs or state.request is None or state.request.preset not in PRESETS:
        return None
    earlier_model = state.quote.earlier_model if state.quote else None
    preset, bucket = state.request.preset, settings.bucket
    return starting_weights(jobs[-1], preset=preset, bucket=bucket, earlier_model=earlier_model)
