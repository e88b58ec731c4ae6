"""Every end leaves no job running and sends one message that says what happened, where to look and what it cost."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import ANY
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.finalisation import finalise
from pipeline.outcome import Outcome

from tests.pipeline.conftest import StubbedClient, context, described_job

TOPIC = "arn:aws:sns:us-east-1:123456789012:Topic"
WEIGHTS = "s3://bucket/pretrained/resnet50.pth"
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
REQUEST = {
    "dataset_prefix": "dino-data",
    "preset": "test",
    "epochs": 5,
    "instance_type": "ml.g5.2xlarge",
    "spot": True,
    "max_runtime_hours": 6.0,
    "pretrained": None,
}


def caught(error: str, message: str) -> dict[str, str]:
    """What Catch puts into the state after a Lambda function raised."""
    cause = {"errorMessage": message, "errorType": error, "requestId": "1", "stackTrace": ["..."]}
    return {"Error": error, "Cause": json.dumps(cause)}


def end(
    state: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient, execution: Execution | None = None
) -> Outcome:
    return finalise(
        sagemaker.client,
        sns.client,
        state=state,
        execution=execution or Execution.from_context(context()),
        topic_arn=TOPIC,
        now=NOW,
    )


def expect_message(sns: StubbedClient, times: int = 1) -> None:
    for _ in range(times):
        sns.expect("publish", {"MessageId": "1"}, TopicArn=TOPIC, Subject=ANY, Message=ANY)


@pytest.fixture
def state(dataset: dict[str, Any], execution: Execution) -> dict[str, Any]:
    """The state after a job has been launched."""
    job = {"name": execution.job_name(), "instance_type": "ml.g5.2xlarge", "watch_interval_seconds": 60}
    return {"request": REQUEST, "dataset": dataset, "job": job}


def test_a_completed_job_is_announced_with_model_time_and_cost(
    state: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient
) -> None:
    name = state["job"]["name"]
    artifact = f"s3://bucket/training-jobs/{name}/output/model.tar.gz"
    job = described_job(
        name,
        "Completed",
        "Completed",
        InputDataConfig=[
            {"ChannelName": "pretrained", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": WEIGHTS}}}
        ],
        ModelArtifacts={"S3ModelArtifacts": artifact},
        TrainingStartTime=datetime(2026, 11, 20, 10, 10, tzinfo=UTC),
        BillableTimeInSeconds=3600,
    )
    sagemaker.expect("describe_training_job", job, TrainingJobName=name)
    expect_message(sns)
    outcome = end(state, sagemaker, sns)
    assert outcome.to_state() == {
        "status": "SUCCEEDED",
        "error": None,
        "cause": None,
        "training_job_name": name,
        "starting_weights": "It started from the weights s3://bucket/pretrained/resnet50.pth.",
        "artifact_uri": artifact,
        "report_uri": "s3://bucket/reports/run/report.json",
        "seconds": 9000,
        "billable_seconds": 3600,
        "cost_usd": 1.52,
    }
    assert outcome.subject() == "floorplan-dino succeeded: 3f1b1c9e-8a52-4a0e-9d7b-0f6f6c8a1d2e"
    message = outcome.message()
    for fact in (
        "succeeded after 2 h 30 min",
        "/states/home?region=us-east-1#/v2/executions/details/arn:aws:states:",
        f"/sagemaker/home?region=us-east-1#/jobs/{name}",
        "$252Faws$252Fsagemaker$252FTrainingJobs",
        artifact,
        "1.52 USD for 3,600 billable seconds",
        "8 images, 16 boxes",
        '"epochs": 5',
        f"It started from the weights {WEIGHTS}.",
    ):
        assert fact in message


@pytest.mark.parametrize(("preset", "said"), [("test", True), ("full", True), ("tiny", False)])
def test_random_weights_are_told_of_where_they_spoil_the_result(
    state: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient, *, preset: str, said: bool
) -> None:
    sagemaker.expect("describe_training_job", described_job(state["job"]["name"], "Completed", "Completed"))
    expect_message(sns)
    outcome = end(state | {"request": REQUEST | {"preset": preset}}, sagemaker, sns)
    assert ("It started from random weights: " in outcome.message()) is said
    assert ("s3://bucket/pretrained/" in str(outcome.to_state()["starting_weights"])) is said


def test_a_job_that_still_runs_is_stopped(state: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient) -> None:
    name = state["job"]["name"]
    sagemaker.expect("describe_training_job", described_job(name), TrainingJobName=name)
    sagemaker.expect("stop_training_job", {}, TrainingJobName=name)
    expect_message(sns)
    outcome = end(state | {"failure": caught("KeyError", "'job'")}, sagemaker, sns)
    assert outcome.status == "FAILED"
    assert "has been told to stop" in outcome.message()


def test_a_job_that_ends_at_that_moment_is_left_alone(
    state: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient
) -> None:
    sagemaker.expect("describe_training_job", described_job(state["job"]["name"]))
    sagemaker.refuse("stop_training_job", "ValidationException", "The job is in state Completed.")
    expect_message(sns)
    assert end(state | {"failure": caught("KeyError", "'job'")}, sagemaker, sns).status == "FAILED"


def test_a_job_whose_launch_broke_off_after_creating_it_is_found_and_stopped(
    dataset: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient
) -> None:
    """Launch timed out between create_training_job and its answer, so the state does not name the job."""
    execution = Execution.from_context(context(RedriveCount=1))
    sagemaker.refuse("describe_training_job", "ValidationException", "Requested resource not found.")
    earlier = execution.job_name(0)
    sagemaker.expect("describe_training_job", described_job(earlier), TrainingJobName=earlier)
    sagemaker.expect("stop_training_job", {}, TrainingJobName=earlier)
    expect_message(sns)
    state = {"request": REQUEST, "dataset": dataset, "failure": caught("Sandbox.Timedout", "timed out")}
    assert end(state, sagemaker, sns, execution).job_name == earlier


def test_a_refused_request_is_announced_without_asking_for_a_job(sagemaker: StubbedClient, sns: StubbedClient) -> None:
    expect_message(sns)
    outcome = end({"failure": caught("RequestInvalid", "The input's field epochs is 0.")}, sagemaker, sns)
    assert outcome.to_state()["error"] == "RequestInvalid"
    assert outcome.to_state()["cause"] == "The input's field epochs is 0."
    assert "No training job was started" in outcome.message()
    assert outcome.subject().startswith("floorplan-dino failed (RequestInvalid): ")


def test_a_verdict_is_a_failure_like_any_other(
    dataset: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient
) -> None:
    sagemaker.refuse("describe_training_job", "ValidationException", "Requested resource not found.")
    expect_message(sns)
    failure = {"Error": "DatasetInvalid", "Cause": "The data set has 3 errors."}
    outcome = end({"request": REQUEST, "dataset": dataset | {"verdict": "invalid"}, "failure": failure}, sagemaker, sns)
    assert (outcome.to_state()["error"], outcome.to_state()["cause"]) == ("DatasetInvalid", failure["Cause"])


@pytest.mark.parametrize("cause", ["no JSON", "5", '"text"', "", '{"errorMessage": null}'])
def test_a_fault_of_the_pipeline_itself_says_so_and_where_to_look(
    cause: str, sagemaker: StubbedClient, sns: StubbedClient
) -> None:
    expect_message(sns)
    outcome = end({"failure": {"Error": "Lambda.Unknown", "Cause": cause}}, sagemaker, sns)
    assert outcome.to_state()["error"] == "Lambda.Unknown"
    assert outcome.to_state()["cause"].startswith("The pipeline itself failed: ")
    assert "/v2/executions/details/" in outcome.to_state()["cause"]


def test_when_the_job_cannot_be_looked_at_the_message_goes_out_all_the_same(
    state: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient
) -> None:
    sagemaker.refuse("describe_training_job", "AccessDeniedException", "not authorized")
    expect_message(sns)
    outcome = end(state | {"failure": caught("TrainingFailed", "It failed.")}, sagemaker, sns)
    assert "AccessDeniedException: not authorized" in outcome.message()
    assert "stop it if it still runs" in outcome.message()
    assert "No training job was started" not in outcome.message()


def test_a_busy_service_is_tried_again_before_anything_is_sent(
    state: dict[str, Any], sagemaker: StubbedClient, sns: StubbedClient
) -> None:
    sagemaker.refuse("describe_training_job", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable):
        end(state, sagemaker, sns)


def test_a_subject_is_what_sns_accepts(sagemaker: StubbedClient, sns: StubbedClient) -> None:
    expect_message(sns)
    execution = Execution.from_context(context(Name="plan-è-" + "x" * 73))
    subject = end({}, sagemaker, sns, execution).subject()
    assert len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()
