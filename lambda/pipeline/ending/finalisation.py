"""What is done at every end of an execution: no job is left running, the lock is given back, one message is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message
from pipeline.cloudwatch_metrics import COST, put_metrics
from pipeline.dataset.lock import release
from pipeline.ending.message import send_once
from pipeline.ending.outcome import Failure, Outcome
from pipeline.execution import Execution
from pipeline.job.cost import jobs_cost
from pipeline.job.execution_jobs import existing_jobs, stop_job
from pipeline.job.pretrained_weights import starting_weights
from pipeline.s3_layout import LOCKS, uri
from pipeline.settings import FinaliseSettings

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sns import SNSClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The AWS clients that an end needs."""

    sagemaker: SageMakerClient
    s3: S3Client
    sns: SNSClient
    cloudwatch: CloudWatchClient


def finalise(
    services: Services,
    *,
    state: Mapping[str, Any],
    execution: Execution,
    failure: Failure | None,
    settings: FinaliseSettings,
    now: datetime,
) -> Outcome:
    """Stop what still runs of this execution's jobs, release its lock, publish the outcome, and return it.

    `state` is what the state machine carried, as far as it is known. The message comes after what it tells of, and all
    of it may be repeated, by a further try or by a second call for the same end. Raises AwsUnavailable.
    """
    notes: list[str] = []
    jobs = _end_jobs(services.sagemaker, state, execution, notes)
    _release_lock(services.s3, execution, settings, notes)
    quote = state.get("quote")
    outcome = Outcome(
        execution=execution,
        ended=now,
        failure=failure,
        state=state,
        jobs=jobs,
        cost=jobs_cost(jobs, quote, now=now),
        starting_weights=_starting_weights(jobs, state, settings),
        notes=notes,
    )
    sent = send_once(services.sns, services.s3, topic_arn=settings.topic_arn, bucket=settings.bucket, outcome=outcome)
    if sent and jobs:  # or a further try would count the cost once more
        put_metrics(services.cloudwatch, {COST: outcome.cost.usd})
    return outcome


def _end_jobs(
    sagemaker: SageMakerClient, state: Mapping[str, Any], execution: Execution, notes: list[str]
) -> list[dict[str, Any]]:
    """All jobs of the execution, those that run told to stop; a refusal by SageMaker becomes a note.

    The state does not name a job whose Launch broke off, so they are looked up by the names that they can have.
    """
    jobs: list[dict[str, Any]] = []
    known = state["job"]["number"] + 1 if "job" in state else 0
    try:
        jobs = list(existing_jobs(sagemaker, execution, at_least=known).values())
        for job in jobs:
            if job["TrainingJobStatus"] == "InProgress" and stop_job(sagemaker, job, execution):
                notes.append(
                    f"The training job {job['TrainingJobName']} was still running and has been told to stop; its cost "
                    "below goes on until it has."
                )
    except ClientError as error:
        notes.append(
            f"The training jobs {execution.job_name(0)} and following could not be looked at or stopped "
            f"({error_code(error)}: {error_message(error)}): stop them if they still run."
        )
    return jobs


def _release_lock(s3: S3Client, execution: Execution, settings: FinaliseSettings, notes: list[str]) -> None:
    try:
        release(s3, bucket=settings.bucket, execution=execution)
    except ClientError as error:
        notes.append(
            f"The lock below {uri(settings.bucket, LOCKS)} could not be removed ({error_code(error)}: "
            f"{error_message(error)}); the next run takes it over all the same."
        )


def _starting_weights(jobs: list[dict[str, Any]], state: Mapping[str, Any], settings: FinaliseSettings) -> str | None:
    if not jobs or "request" not in state:
        return None
    return starting_weights(jobs[-1], preset=state["request"]["preset"], bucket=settings.bucket)
