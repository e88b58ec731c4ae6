"""What is done at every end of an execution: no job is left running, and one message is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.execution import Execution
from pipeline.job_state import describe_job, judge
from pipeline.outcome import Outcome, failure_of
from pipeline.pretrained_weights import starting_weights
from pipeline.s3_layout import bucket_of

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sns import SNSClient


def finalise(
    sagemaker: SageMakerClient,
    sns: SNSClient,
    *,
    state: Mapping[str, Any],
    execution: Execution,
    topic_arn: str,
    now: datetime,
) -> Outcome:
    """Stop this execution's job if it still runs, publish the outcome, and return it.

    Publishing comes last, so that a second try after an error sends no second message.
    """
    job_name, job, note = _last_look(sagemaker, state, execution)
    outcome = Outcome(
        execution=execution,
        ended=now,
        failure=failure_of(state, execution),
        state=state,
        job_name=job_name,
        job=judge(job, region=execution.region, now=now) if job else None,
        starting_weights=_starting_weights(job, state) if job else None,
        note=note,
    )
    with raising_unavailable():
        sns.publish(TopicArn=topic_arn, Subject=outcome.subject(), Message=outcome.message())
    return outcome


def _last_look(
    sagemaker: SageMakerClient, state: Mapping[str, Any], execution: Execution
) -> tuple[str | None, dict[str, Any] | None, str | None]:
    """(job name, its description, note); a refusal by SageMaker becomes the note: the message must go out."""
    name: str | None = None
    try:
        for name in _possible_jobs(state, execution):
            job = describe_job(sagemaker, name)
            if job is not None:
                note = _stop(sagemaker, name) if job["TrainingJobStatus"] == "InProgress" else None
                return name, job, note
    except ClientError as error:
        refusal = f"{error_code(error)}: {error_message(error)}"
        return name, None, f"The training job {name} could not be looked at ({refusal}): stop it if it still runs."
    return None, None, None


def _possible_jobs(state: Mapping[str, Any], execution: Execution) -> list[str]:
    """The job that Launch told of; after a Launch that broke off, those that it may have started."""
    if "job" in state:
        return [state["job"]["name"]]
    return execution.job_names() if "dataset" in state else []


def _starting_weights(job: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
    return starting_weights(job, preset=state["request"]["preset"], bucket=bucket_of(state["dataset"]["uri"]))


def _stop(sagemaker: SageMakerClient, name: str) -> str:
    try:
        with raising_unavailable():
            sagemaker.stop_training_job(TrainingJobName=name)
    except ClientError as error:
        if error_code(error) != "ValidationException":  # it ended since we looked: nothing to stop
            raise
    return f"The training job {name} was still running and has been told to stop; its cost below goes on until it has."
