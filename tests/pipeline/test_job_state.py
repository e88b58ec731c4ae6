"""What each state of a training job means for the run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pipeline.aws_errors import raising_unavailable
from pipeline.errors import AwsUnavailable
from pipeline.job_state import Progress, describe_job, judge
from pipeline.links import log_group_link

from tests.pipeline.conftest import StubbedClient, described_job

STARTED = datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
NOW = STARTED + timedelta(hours=2)


def look(status: str, secondary: str, **more: Any) -> Progress:
    return judge(described_job("job", status, secondary, **more), region="us-east-1", now=NOW)


@pytest.mark.parametrize(
    ("status", "secondary"),
    [
        ("InProgress", "Starting"),
        ("InProgress", "Pending"),
        ("InProgress", "Downloading"),
        ("InProgress", "Training"),
        ("InProgress", "Uploading"),
        ("InProgress", "Interrupted"),  # spot: SageMaker restarts it
        ("InProgress", "Restarting"),
        ("Stopping", "Stopping"),
        ("Stopping", "MaxRuntimeExceeded"),
    ],
)
def test_a_job_that_has_not_ended_is_waited_for(status: str, secondary: str) -> None:
    progress = look(status, secondary)
    assert (progress.action, progress.error, progress.cause) == ("wait", None, None)


def test_a_completed_job_has_an_artifact_and_its_real_cost() -> None:
    artifact = "s3://bucket/training-jobs/job/output/model.tar.gz"
    progress = look(
        "Completed",
        "Completed",
        ModelArtifacts={"S3ModelArtifacts": artifact},
        TrainingStartTime=STARTED,
        TrainingEndTime=NOW,
        TrainingTimeInSeconds=7200,
        BillableTimeInSeconds=2160,  # spot: 70 % less
    )
    assert (progress.action, progress.artifact_uri) == ("completed", artifact)
    assert (progress.billable_seconds, progress.cost_usd) == (2160, 0.91)


@pytest.mark.parametrize(
    ("status", "secondary", "error", "said"),
    [
        ("Failed", "Failed", "TrainingFailed", "OOM: CUDA out of memory"),
        ("Stopped", "Stopped", "TrainingStopped", "stopped by hand"),
        ("Stopped", "MaxRuntimeExceeded", "TrainingTimedOut", "limit of 6 h"),
        ("Completed", "MaxRuntimeExceeded", "TrainingTimedOut", "limit of 6 h"),
        ("Stopped", "MaxWaitTimeExceeded", "TrainingTimedOut", "within 12 h"),
        ("Stopped", "Interrupted", "TrainingStopped", "lost its spot capacity"),
        ("Deleting", "", "TrainingStopped", "stopped by hand"),
    ],
)
def test_every_other_end_has_a_name_a_reason_and_a_place_to_look(
    status: str, secondary: str, error: str, said: str
) -> None:
    progress = look(status, secondary, FailureReason="OOM: CUDA out of memory.")
    assert (progress.action, progress.error) == ("failed", error)
    assert progress.cause is not None
    assert said in progress.cause
    assert log_group_link("us-east-1", "job") in progress.cause


def test_only_a_job_that_has_come_to_its_end_has_an_artifact() -> None:
    """The trainer writes the model last: a stopped job's model.tar.gz holds none."""
    assert look("InProgress", "Training").artifact_uri is None
    assert look("Failed", "Failed").artifact_uri is None
    assert look("Stopped", "Stopped").artifact_uri is None
    assert look("Completed", "MaxRuntimeExceeded").artifact_uri is None
    assert look("Completed", "Completed").artifact_uri is not None


def test_a_failure_without_a_reason_still_has_a_cause() -> None:
    assert "SageMaker gives no reason" in str(look("Failed", "Failed").cause)


def test_the_cost_so_far_counts_from_the_start_of_training() -> None:
    assert look("InProgress", "Starting").cost_usd == 0
    progress = look("InProgress", "Training", TrainingStartTime=STARTED)
    assert (progress.billable_seconds, progress.cost_usd) == (7200, 3.03)


def test_a_job_that_does_not_exist_is_none(sagemaker: StubbedClient) -> None:
    sagemaker.refuse("describe_training_job", "ValidationException", "Requested resource not found.")
    assert describe_job(sagemaker.client, "job") is None


def test_a_busy_service_is_tried_again(sagemaker: StubbedClient) -> None:
    sagemaker.refuse("describe_training_job", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable, match="DescribeTrainingJob: Rate exceeded"):
        describe_job(sagemaker.client, "job")


def test_an_answer_without_a_body_is_tried_again_too(s3: StubbedClient) -> None:
    """HEAD's errors have only the status for a code."""
    s3.refuse("head_object", "503", "Service Unavailable", status=503)
    with pytest.raises(AwsUnavailable), raising_unavailable():
        s3.client.head_object(Bucket="b", Key="k")


def test_the_log_link_is_quoted_as_the_console_wants_it() -> None:
    assert log_group_link("eu-west-1", "job") == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#logsV2:log-groups/log-group/$252Faws$252Fsagemaker$252FTrainingJobs$3FlogStreamNameFilter$3Djob"
    )
