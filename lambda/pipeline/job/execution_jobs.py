"""The training jobs that an execution has created so far, found by the names that they can have."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.client_types import SageMakerClient
from pipeline.execution import JOB_NAME_PREFIX, Execution
from pipeline.job.description import describe_job

EXECUTION_TAG = "floorplan-dino:execution"
"""The tag that says which execution a job belongs to; its value is Execution.tag."""


_DELETED = 3
"""Numbers in a row whose jobs somebody may have deleted, as SageMaker allows once a job has ended."""


def existing_jobs(sagemaker: SageMakerClient, execution: Execution, *, at_least: int = 0) -> dict[int, dict[str, Any]]:
    """The execution's jobs by their numbers, in the order of their creation, as DescribeTrainingJob shows them.

    Jobs are numbered one after the other, so a few numbers without a job end the search; the first `at_least` numbers
    are described in any case. Raises AwsUnavailable.
    """
    jobs: dict[int, dict[str, Any]] = {}
    number, last = 0, at_least + _DELETED
    while number <= last:
        job = describe_job(sagemaker, execution.job_name(number))
        if job is not None:
            jobs[number] = job
            last = max(last, number + 1 + _DELETED)
        number += 1
    return jobs


def belongs_to(sagemaker: SageMakerClient, job: Mapping[str, Any], execution: Execution) -> bool:
    """Whether `job`, as described, carries the execution's tag. Raises AwsUnavailable."""
    return _owner(sagemaker, job) == execution.tag


def owners_of_running_jobs(sagemaker: SageMakerClient) -> set[str]:
    """The ARNs of the executions, of any state machine, whose jobs run. Raises AwsUnavailable.

    Not of one whose name has characters that a tag may not hold: Execution.tag does not tell it.
    """
    with raising_unavailable():
        pages = sagemaker.get_paginator("list_training_jobs").paginate(
            NameContains=JOB_NAME_PREFIX, StatusEquals="InProgress"
        )
        jobs = [job for page in pages for job in page["TrainingJobSummaries"]]
    return {owner for job in jobs if (owner := _owner(sagemaker, job)) is not None}


def _owner(sagemaker: SageMakerClient, job: Mapping[str, Any]) -> str | None:
    """The tag of the execution that the job belongs to."""
    with raising_unavailable():
        tags = sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    return next((tag["Value"] for tag in tags if tag["Key"] == EXECUTION_TAG), None)


def stop_job(sagemaker: SageMakerClient, job: Mapping[str, Any], execution: Execution) -> bool:
    """Tell the job to stop, if it is the execution's; one that has ended since it was described may be gone by now.

    Returns whether it is the execution's. Raises AwsUnavailable.
    """
    if not belongs_to(sagemaker, job, execution):
        return False
    try:
        with raising_unavailable():
            sagemaker.stop_training_job(TrainingJobName=job["TrainingJobName"])
    except ClientError as error:
        if error_code(error) not in ("ValidationException", "ResourceNotFound"):
            raise
    return True
