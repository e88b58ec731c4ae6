"""Every end leaves no job running that is its own, and no lock."""

import io
import json
from datetime import UTC, datetime

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY

from tests.pipeline.conftest import JOB_NOT_FOUND, described_job
from tests.pipeline.ending.finalising import COMPLETED, End, caught, without


def test_a_job_that_still_runs_is_stopped(end: End) -> None:
    end.expect_jobs({}, then_stopped=(0,))
    end.expect_message()
    finished = end.run(failure=caught("KeyError", "'job'"))
    assert finished.outcome.status == "FAILED"
    assert "has been told to stop" in finished.message()
    assert "not billed in full yet" in finished.message()


@pytest.mark.parametrize(
    ("code", "message"),
    [("ValidationException", "The job is in state Completed."), ("ResourceNotFound", "Somebody deleted it.")],
)
def test_a_job_that_ends_at_that_moment_is_left_alone(end: End, code: str, message: str) -> None:
    end.expect_jobs({})
    end.expect_tag()
    end.sagemaker.refuse("stop_training_job", code, message)
    end.expect_message()
    assert end.run(failure=caught("KeyError", "'job'")).outcome.status == "FAILED"


def test_a_job_of_somebody_else_with_our_name_goes_on_and_is_told_of(end: End) -> None:
    end.expect_jobs({})
    end.expect_tag("another")
    end.expect_message()
    assert f"{end.name()} still runs and was not told to stop" in end.run().message()


def test_every_job_that_still_runs_is_stopped_whether_the_state_names_it_or_not(end: End) -> None:
    """Launch timed out between create_training_job and its answer, so the state names an earlier job, or none."""
    end.expect_jobs({"status": "Failed", "secondary": "Failed"}, {}, then_stopped=(1,))
    end.expect_message()
    end.state = without(end.state, "job")
    finished = end.run(failure=caught("Sandbox.Timedout", "timed out"))
    assert finished.outcome.training_job_name == end.name(1)


def test_a_job_behind_those_that_somebody_deleted_is_stopped(end: End) -> None:
    """SageMaker lets jobs that have ended be deleted."""
    end.state = {}
    for _ in range(3):
        end.sagemaker.refuse(*JOB_NOT_FOUND)
    end.sagemaker.expect("describe_training_job", described_job(end.name(3)), TrainingJobName=end.name(3))
    end.sagemaker.refuse_further_jobs()
    end.expect_tag()
    end.sagemaker.expect("stop_training_job", {}, TrainingJobName=end.name(3))
    end.cloudwatch.expect("put_metric_data", {}, Namespace="FloorplanDino", MetricData=ANY)
    end.expect_message()
    assert end.run().outcome.training_job_names == (end.name(3),)


@pytest.mark.parametrize("broken", ["text", {}, {"verdict": "valid", "action": "registered", "number": "x"}])
def test_a_state_of_another_deployment_is_ended_as_far_as_it_can_be_read(end: End, broken: object) -> None:
    end.state = dict.fromkeys(["request", "dataset", "quote", "job", "watch", "judgement"], broken)
    end.expect_jobs({}, then_stopped=(0,))
    end.expect_message()
    finished = end.run(failure=caught("DeploymentChanged", "Start a new execution."))
    assert (finished.outcome.error, finished.outcome.training_job_name) == ("DeploymentChanged", end.name(0))
    assert "DeploymentChanged: Start a new execution." in finished.message()


@pytest.mark.parametrize("known", [True, False])
def test_the_lock_is_given_back_whether_the_state_names_it_or_not(end: End, *, known: bool) -> None:
    """Of an aborted execution nothing is known but its jobs' names."""
    end.state = end.state if known else {}
    end.expect_jobs(COMPLETED)
    content = json.dumps({"execution": end.execution.arn}).encode()
    body = StreamingBody(io.BytesIO(content), len(content))
    end.expect_locks("locks/dino-data.json")
    found = {"Body": body, "ETag": '"1"', "LastModified": datetime(2026, 11, 20, tzinfo=UTC)}
    end.s3.expect("get_object", found, Bucket="bucket", Key="locks/dino-data.json")
    end.s3.expect("delete_object", {}, Bucket="bucket", Key="locks/dino-data.json", IfMatch='"1"')
    end.expect_message(after_locks=False)
    end.run()


def test_a_lock_that_cannot_be_given_back_keeps_no_message_back(end: End) -> None:
    end.expect_jobs(COMPLETED)
    end.s3.refuse("list_objects_v2", "AccessDenied", "Access Denied.", 403)
    end.expect_message(after_locks=False)
    assert "the next run takes it over" in end.run().message()
