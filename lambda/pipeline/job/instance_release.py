"""Whether an instance that a quota refuses is about to be free: SageMaker counts that of an ended job for minutes."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.client_types import SageMakerClient
from pipeline.errors import InstanceNotFree
from pipeline.execution import JOB_NAME_PREFIX
from pipeline.job.description import describe_job, possible_types
from pipeline.quote.cost_quote import Choice

LONGEST_COUNT = timedelta(minutes=20)
"""After a job's end. AWS documents no time; users report minutes."""


def raise_if_about_to_be_free(
    sagemaker: SageMakerClient, earlier: Iterable[Mapping[str, Any]], choice: Choice, *, now: datetime
) -> None:
    """Raise InstanceNotFree if a job on one of the choice's types is stopping or has just ended, or AwsUnavailable.

    `earlier`, the execution's own jobs as described, are looked at first: the list of all is eventually consistent.
    """
    since = now - LONGEST_COUNT
    jobs = [job for job in earlier if _counts(job, choice, since)] or _others(sagemaker, choice, since)
    if jobs:
        raise InstanceNotFree(
            f"SageMaker still counts the instance of the training job {jobs[0]['TrainingJobName']} against the quota "
            f"of {choice.name}: the next job waits for it, up to {LONGEST_COUNT // timedelta(minutes=1)} minutes."
        )


def _others(sagemaker: SageMakerClient, choice: Choice, since: datetime) -> list[dict[str, Any]]:
    """Jobs of any execution."""
    with raising_unavailable():
        pages = sagemaker.get_paginator("list_training_jobs").paginate(
            NameContains=JOB_NAME_PREFIX, LastModifiedTimeAfter=since
        )
        names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    jobs = [describe_job(sagemaker, name) for name in names]
    return [job for job in jobs if job is not None and _counts(job, choice, since)]


def _counts(job: Mapping[str, Any], choice: Choice, since: datetime) -> bool:
    """Whether the job no longer trains, but may still count against the choice's quota."""
    status, selected = job["TrainingJobStatus"], job["ResourceConfig"].get("SelectedInstanceType")
    return (
        (status == "Stopping" or (status != "InProgress" and job["LastModifiedTime"] > since))
        and bool(job.get("EnableManagedSpotTraining")) is choice.spot
        and not ({selected} if selected else possible_types(job)).isdisjoint(choice.instance_types)
    )
