"""What DescribeTrainingJob's answers mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pipeline.aws_errors import raising_unavailable
from pipeline.errors import AwsUnavailable, PipelineError
from pipeline.job.cost import jobs_cost
from pipeline.job.description import (
    BILLED,
    ON_INSTANCE,
    QUEUED,
    billable_seconds,
    describe_job,
    error_of,
    has_completed,
    instance_type,
    lacked_capacity,
    queued_since,
    status_began,
)
from pipeline.links import log_group_link

from tests.pipeline.conftest import JOB_NOT_FOUND, StubbedClient, described_job

STARTED = datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
NOW = STARTED + timedelta(hours=2)


def end(status: str, secondary: str, **more: Any) -> PipelineError | None:
    return error_of(described_job("job", status, secondary, **more), "us-east-1")


def transitions(*parts: tuple[str, int, int | None]) -> dict[str, Any]:
    """(status, first minute, last minute or None for: it goes on)."""
    return {
        "SecondaryStatusTransitions": [
            {"Status": status, "StartTime": STARTED + timedelta(minutes=first)}
            | ({} if last is None else {"EndTime": STARTED + timedelta(minutes=last)})
            for status, first, last in parts
        ]
    }


@pytest.mark.parametrize(
    ("status", "secondary"),
    [
        ("InProgress", "Starting"),
        ("InProgress", "Training"),
        ("InProgress", "Interrupted"),  # spot: SageMaker restarts it
        ("Stopping", "Stopping"),
        ("Stopping", "MaxRuntimeExceeded"),
        ("Completed", "Completed"),
    ],
)
def test_a_job_that_goes_on_or_completed_has_no_bad_end(status: str, secondary: str) -> None:
    assert end(status, secondary) is None
    assert has_completed(described_job("job", status, secondary), "us-east-1") is (status == "Completed")


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
    found = end(status, secondary, FailureReason="OOM: CUDA out of memory.")
    assert type(found).__name__ == error
    assert said in str(found)
    assert log_group_link("us-east-1", "job") in str(found)
    assert not has_completed(described_job("job", status, secondary), "us-east-1")


def test_a_missing_capacity_is_told_from_a_failed_training() -> None:
    reason = "CapacityError: Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity."
    job = described_job("job", "Failed", "Failed", FailureReason=reason)
    assert lacked_capacity(job)
    assert type(error_of(job, "us-east-1")).__name__ == "LaunchFailed"
    assert not lacked_capacity(described_job("job", "Failed", "Failed", FailureReason="OOM: too large"))


def test_a_failure_without_a_reason_still_has_a_cause() -> None:
    assert "SageMaker gives no reason" in str(end("Failed", "Failed"))


def test_a_reason_cannot_move_a_terminals_cursor_or_forge_a_line() -> None:
    reason = "DATA: image 'a\x1b[2J\nRun succeeded.\u202egnp.exe' cannot be read"
    cause = str(end("Failed", "Failed", FailureReason=reason))
    assert cause.isprintable()
    assert "\\x1b[2J\\nRun succeeded." in cause


def test_a_finished_job_is_billed_for_what_sagemaker_says() -> None:
    job = described_job(
        "job", "Completed", "Completed", TrainingStartTime=STARTED, TrainingEndTime=NOW, BillableTimeInSeconds=2160
    )
    assert billable_seconds(job, now=NOW) == 2160


def test_a_running_job_costs_from_its_start_on() -> None:
    assert billable_seconds(described_job("job", secondary="Starting"), now=NOW) == 0
    assert billable_seconds(described_job("job", TrainingStartTime=STARTED), now=NOW) == 7200


@pytest.mark.parametrize(
    ("status", "parts"),
    [
        ("Stopping", [("Starting", 0, 5), ("Pending", 5, 40), ("Stopping", 40, None)]),
        ("Stopped", [("Starting", 0, 5), ("Pending", 5, 40), ("Stopping", 40, 42), ("Stopped", 42, 42)]),
        ("Failed", [("Starting", 0, 5), ("Failed", 5, 5)]),
    ],
)
def test_a_job_that_was_stopped_in_the_queue_costs_nothing_and_is_billed_when_it_has_ended(
    status: str, parts: list[tuple[str, int, int | None]]
) -> None:
    job = described_job("job", status, status, **transitions(*parts))
    assert billable_seconds(job, now=NOW) == 0
    assert jobs_cost([job], None, now=NOW).is_final == (status != "Stopping")


def test_a_job_that_had_an_instance_is_not_billed_in_full_before_sagemaker_says_so() -> None:
    job = described_job("job", "Stopped", "Stopped", **transitions(("Downloading", 0, 5), ("Stopped", 5, 5)))
    assert not jobs_cost([job], None, now=NOW).is_final
    assert jobs_cost([job | {"BillableTimeInSeconds": 300}], None, now=NOW).is_final


def test_time_without_an_instance_costs_nothing() -> None:
    """A spot job that waits for hours must not look as if it had used up its cap."""
    parts = transitions(
        ("Starting", 0, 5),
        ("Downloading", 5, 10),
        ("Training", 10, 40),
        ("Interrupted", 40, 100),
        ("Training", 100, None),
    )
    job = described_job("job", TrainingStartTime=STARTED + timedelta(minutes=5), **parts)
    assert billable_seconds(job, now=NOW) == (35 + 20) * 60


def test_waiting_for_an_instance_is_counted_over_all_its_names() -> None:
    parts = transitions(
        ("Starting", 0, 5), ("Training", 5, 40), ("Interrupted", 40, 60), ("Starting", 60, 70), ("Pending", 70, None)
    )
    assert queued_since(described_job("job", secondary="Pending", **parts)) == STARTED + timedelta(minutes=40)
    assert queued_since(described_job("job", secondary="Starting")) == described_job("job")["CreationTime"]


def test_a_status_began_with_its_transition() -> None:
    training = transitions(("Starting", 0, 5), ("Downloading", 5, 8), ("Training", 8, None))
    assert status_began(described_job("job", **training)) == STARTED + timedelta(minutes=8)
    assert status_began(described_job("job", secondary="Starting")) == described_job("job")["CreationTime"]


def test_a_job_whose_instance_is_being_prepared_no_longer_waits_for_one() -> None:
    assert "PreparingTrainingStack" in ON_INSTANCE - QUEUED - BILLED
    assert not ON_INSTANCE & QUEUED


def test_the_instance_type_is_the_one_that_was_selected() -> None:
    preferences = [{"InstanceType": kind, "InstanceCount": 1} for kind in ("ml.g5.2xlarge", "ml.g6e.2xlarge")]
    waiting = described_job("job", ResourceConfig={"InstancePreferences": preferences})
    running = described_job(
        "job", ResourceConfig={"InstancePreferences": preferences, "SelectedInstanceType": "ml.g6e.2xlarge"}
    )
    assert (instance_type(waiting), instance_type(running)) == ("ml.g5.2xlarge", "ml.g6e.2xlarge")
    assert instance_type(described_job("job")) == "ml.g5.2xlarge"


def test_a_job_that_does_not_exist_is_none(sagemaker: StubbedClient) -> None:
    sagemaker.refuse(*JOB_NOT_FOUND)
    assert describe_job(sagemaker.client, "job") is None


def test_a_busy_service_is_tried_again(sagemaker: StubbedClient) -> None:
    sagemaker.refuse("describe_training_job", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable, match="DescribeTrainingJob: Rate exceeded"):
        describe_job(sagemaker.client, "job")


@pytest.mark.parametrize("code", ["KMSThrottling", "KMS.ThrottlingException", "KmsThrottlingException", "Throttled"])
def test_a_key_that_is_asked_for_too_often_is_tried_again(s3: StubbedClient, code: str) -> None:
    """The status is 400: by the code alone it can be told from a refusal."""
    s3.refuse("get_object", code, "Rate exceeded")
    with pytest.raises(AwsUnavailable), raising_unavailable():
        s3.client.get_object(Bucket="b", Key="k")


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
