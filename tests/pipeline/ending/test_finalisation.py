"""Every end leaves no job running and no lock, and sends one message: what happened, where, and at what cost."""

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY
from pipeline.dataset.validation import DatasetCheck
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.finalisation import finalise
from pipeline.ending.finished_execution import FinishedExecution
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.job.execution_jobs import EXECUTION_TAG
from pipeline.job.launched_job import LaunchedJob
from pipeline.quote.cost_quote import Quote
from pipeline.quote.earlier_model import EarlierModel
from pipeline.request import Request
from pipeline.settings import FinaliseSettings
from pipeline.state import to_state

from tests.pipeline.conftest import StubbedClient, context, described_job, listed

TOPIC = "arn:aws:sns:us-east-1:123456789012:Topic"
WEIGHTS = "s3://bucket/pretrained/resnet50.pth"
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/4"
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
NOT_FOUND = ("describe_training_job", "ValidationException", "Requested resource not found.")
JUDGEMENT = {
    "artifact_uri": "s3://bucket/model.tar.gz",
    "metrics_uri": None,
    "ap": 0.71,
    "f1": 0.9,
    "f1_by_class": {"wall": 0.95, "room": None},
}
COMPLETED: dict[str, Any] = {
    "status": "Completed",
    "secondary": "Completed",
    "TrainingStartTime": datetime(2026, 11, 20, 10, 10, tzinfo=UTC),
    "TrainingTimeInSeconds": 7200,
    "BillableTimeInSeconds": 3600,
    "EnableManagedSpotTraining": True,
}


def caught(error: str, message: str) -> dict[str, str]:
    """What Catch puts into the state after a Lambda function raised."""
    cause = {"errorMessage": message, "errorType": error, "requestId": "1", "stackTrace": ["..."]}
    return {"Error": error, "Cause": json.dumps(cause)}


@dataclass
class End:
    """One finalisation, with the answers that AWS is to give."""

    sagemaker: StubbedClient
    s3: StubbedClient
    sns: StubbedClient
    cloudwatch: StubbedClient
    state: dict[str, Any]
    execution: Execution = field(default_factory=lambda: Execution.from_context(context()))

    def name(self, number: int = 0) -> str:
        return self.execution.job_name(number)

    def expect_jobs(self, *jobs: dict[str, Any], then_stopped: tuple[int, ...] = ()) -> None:
        for number, job in enumerate(jobs):
            answer = described_job(self.name(number), **job)
            self.sagemaker.expect("describe_training_job", answer, TrainingJobName=self.name(number))
        self.sagemaker.refuse(*NOT_FOUND)
        for number in then_stopped:
            self.expect_tag()
            self.sagemaker.expect("stop_training_job", {}, TrainingJobName=self.name(number))
        if jobs:
            self.cloudwatch.expect("put_metric_data", {}, Namespace="FloorplanDino", MetricData=ANY)

    def expect_tag(self, value: str | None = None) -> None:
        tags = [{"Key": EXECUTION_TAG, "Value": value or self.execution.tag}]
        self.sagemaker.expect("list_tags", {"Tags": tags}, ResourceArn=ANY)

    def expect_locks(self, *keys: str) -> None:
        contents = [{"Key": key, "Size": 100, "LastModified": NOW} for key in keys]
        self.s3.expect("list_objects_v2", {"Contents": contents} if contents else {}, Bucket="bucket", Prefix="locks/")

    def expect_message(self, *, after_locks: bool = True) -> None:
        """And, unless the test says what there is of locks, that there is none."""
        if after_locks:
            self.expect_locks()
        self.s3.expect("list_objects_v2", listed(), Bucket="bucket", Prefix=ANY, MaxKeys=1)
        self.sns.expect("publish", {"MessageId": "1"}, TopicArn=TOPIC, Subject=ANY, Message=ANY)
        self.s3.expect("put_object", {}, Bucket="bucket", Key=ANY, Body=ANY, ContentType="application/json")

    def run(self, **more: Any) -> FinishedExecution:
        state = ExecutionState.read(self.state | more)
        return finalise(
            sagemaker=self.sagemaker.client,
            s3=self.s3.client,
            sns=self.sns.client,
            cloudwatch=self.cloudwatch.client,
            state=state,
            execution=self.execution,
            failure=state.failure_of(self.execution),
            settings=FinaliseSettings(bucket="bucket", topic_arn=TOPIC),
            now=NOW,
        )


@pytest.fixture
def end(
    sagemaker: StubbedClient,
    s3: StubbedClient,
    sns: StubbedClient,
    cloudwatch: StubbedClient,
    request_: Request,
    *,
    dataset: DatasetCheck,
    quote: Quote,
    job: LaunchedJob,
) -> End:
    """After a job has been launched."""
    state = {
        "request": to_state(request_),
        "dataset": to_state(dataset),
        "quote": to_state(quote),
        "job": to_state(job),
    }
    return End(sagemaker, s3, sns, cloudwatch, state)


def without(state: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in names}


def test_a_registered_model_is_announced_with_decision_links_time_and_cost(end: End) -> None:
    artifact = f"s3://bucket/training-jobs/{end.name()}/output/model.tar.gz"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": WEIGHTS}}
    channels = [{"ChannelName": "pretrained", "DataSource": source}]
    folder = {"S3Uri": "s3://bucket/checkpoints/run/0/"}
    end.expect_jobs({**COMPLETED, "InputDataConfig": channels, "CheckpointConfig": folder})
    end.expect_message()
    judgement = JUDGEMENT | {
        "decision": "registered",
        "sentence": "The gate is met. AP 0.7100.",
        "metrics_uri": "s3://bucket/reports/run/metrics-0.json",
        "model_package_arn": PACKAGE,
        "comparisons": ["Compared with the baseline yolo:", "The new model finds rooms better than yolo."],
        "comparison_uri": "s3://bucket/reports/run/comparison-0.json",
    }
    finished = end.run(judgement=judgement)
    assert to_state(finished.outcome) == {
        "status": "SUCCEEDED",
        "error": None,
        "cause": None,
        "redrive_count": 0,
        "decision": "registered",
        "sentence": "The gate is met. AP 0.7100.",
        "training_job_name": end.name(),
        "training_job_names": [end.name()],
        "starting_weights": f"It started from the weights {WEIGHTS}.",
        "artifact_uri": artifact,
        "model_package_arn": PACKAGE,
        "metrics_uri": "s3://bucket/reports/run/metrics-0.json",
        "report_uri": "s3://bucket/reports/run/report.json",
        "seconds": 9000,
        "billable_seconds": 3600,
        "cost_usd": 1.52,
        "spot_saving": 0.5,
        "comparisons": judgement["comparisons"],
        "comparison_uri": "s3://bucket/reports/run/comparison-0.json",
    }
    said = finished.message().splitlines()
    at = said.index("The gate is met. AP 0.7100.")
    assert said[at + 1 : at + 3] == judgement["comparisons"]
    assert "Comparison: s3://bucket/reports/run/comparison-0.json" in said
    assert finished.subject() == "floorplan-dino succeeded (registered): 3f1b1c9e-8a52-4a0e-9d7b-0f6f6c8a1d2e"
    message = finished.message()
    for fact in (
        "succeeded after 2 h 30 min",
        "The gate is met. AP 0.7100.",
        "/states/home?region=us-east-1#/v2/executions/details/arn:aws:states:",
        f"/sagemaker/home?region=us-east-1#/jobs/{end.name()} (ml.g5.2xlarge, Completed, Completed)",
        "$252Faws$252Fsagemaker$252FTrainingJobs",
        f"Model: {artifact}",
        f"--model-package-arn {PACKAGE} --model-approval-status Approved",
        "1.52 USD for 3,600 billable seconds (the AWS Price List's prices of us-east-1; spot saved 50%)",
        "8 images, 16 boxes, classes wall, room, version",
        "report: s3://bucket/reports/run/report.json, and .html as a page",
        "Quote: About 1.7 h and 2.53 USD on demand.",
        "The quotas are not known",
        '"epochs": 5',
        f"It started from the weights {WEIGHTS}.",
        "TensorBoard events: https://us-east-1.console.aws.amazon.com/s3/buckets/bucket?region=us-east-1"
        "&prefix=checkpoints/run/0/",
    ):
        assert fact in message


def test_a_gate_that_is_not_met_is_an_outcome_of_a_run_that_succeeded(end: End) -> None:
    end.expect_jobs(COMPLETED)
    end.expect_message()
    judgement = JUDGEMENT | {
        "decision": "gate_not_met",
        "sentence": "The gate is not met: The F1 of room is 0.8, below 0.895.",
    }
    finished = end.run(judgement=judgement)
    assert (finished.outcome.status, finished.outcome.decision) == ("SUCCEEDED", "gate_not_met")
    assert "The F1 of room is 0.8, below 0.895." in finished.message()
    assert "Model: s3://bucket/training-jobs/" in finished.message(), "it may be looked at all the same"


def test_all_jobs_of_the_execution_are_paid_for(end: End) -> None:
    stopped = {"status": "Stopped", "secondary": "Stopped", "BillableTimeInSeconds": 360, "TrainingTimeInSeconds": 360}
    other_type = {"InstanceType": "ml.g6.2xlarge", "InstanceCount": 1}
    end.expect_jobs({**stopped, "ResourceConfig": other_type}, COMPLETED)
    end.expect_message()
    finished = end.run()
    assert finished.outcome.cost_usd == 1.64
    assert finished.outcome.training_job_names == (end.name(0), end.name(1))
    assert "1.64 USD for 3,960 billable seconds in 2 jobs" in finished.message()


def test_a_failed_job_may_have_refused_the_weights_that_it_was_given(end: End) -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": WEIGHTS}}
    channels = [{"ChannelName": "pretrained", "DataSource": source}]
    end.expect_jobs({**COMPLETED, "status": "Failed", "secondary": "Failed", "InputDataConfig": channels})
    end.expect_message()
    finished = end.run(failure=caught("TrainingFailed", "CONFIG: dino.pth lacks 318 tensors of the model's backbone."))
    assert finished.starting_weights == f"It was given the weights {WEIGHTS}."


def test_the_message_says_what_was_continued(end: End) -> None:
    model = EarlierModel(run="run-1", key="training-jobs/job/output/model.tar.gz", is_of_this_data=False)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/{model.key}"}}
    end.expect_jobs({**COMPLETED, "InputDataConfig": [{"ChannelName": "pretrained", "DataSource": source}]})
    end.expect_message()
    finished = end.run(quote=end.state["quote"] | {"earlier_model": to_state(model)})
    assert f"It started from the weights s3://bucket/{model.key}. {model.sentence}" in finished.message()


@pytest.mark.parametrize(("preset", "said"), [("test", True), ("full", True), ("tiny", False)])
def test_random_weights_are_told_of_where_they_spoil_the_result(end: End, *, preset: str, said: bool) -> None:
    end.expect_jobs(COMPLETED)
    end.expect_message()
    finished = end.run(request=end.state["request"] | {"preset": preset})
    assert ("It started from random weights: " in finished.message()) is said
    assert ("s3://bucket/pretrained/" in str(finished.outcome.starting_weights)) is said


def test_a_job_that_still_runs_is_stopped(end: End) -> None:
    end.expect_jobs({}, then_stopped=(0,))
    end.expect_message()
    finished = end.run(failure=caught("KeyError", "'job'"))
    assert finished.outcome.status == "FAILED"
    assert "has been told to stop" in finished.message()
    assert "not billed in full yet" in finished.message()


def test_a_job_that_ends_at_that_moment_is_left_alone(end: End) -> None:
    end.expect_jobs({})
    end.expect_tag()
    end.sagemaker.refuse("stop_training_job", "ValidationException", "The job is in state Completed.")
    end.expect_message()
    assert end.run(failure=caught("KeyError", "'job'")).outcome.status == "FAILED"


def test_a_job_of_somebody_else_with_our_name_goes_on(end: End) -> None:
    end.expect_jobs({})
    end.expect_tag("another")
    end.expect_message()
    assert "told to stop" not in end.run().message()


def test_every_job_that_still_runs_is_stopped_whether_the_state_names_it_or_not(end: End) -> None:
    """Launch timed out between create_training_job and its answer, so the state names an earlier job, or none."""
    end.expect_jobs({"status": "Failed", "secondary": "Failed"}, {}, then_stopped=(1,))
    end.expect_message()
    end.state = without(end.state, "job")
    finished = end.run(failure=caught("Sandbox.Timedout", "timed out"))
    assert finished.outcome.training_job_name == end.name(1)


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
    end.s3.expect("get_object", {"Body": body, "ETag": '"1"'}, Bucket="bucket", Key="locks/dino-data.json")
    end.s3.expect("delete_object", {}, Bucket="bucket", Key="locks/dino-data.json", IfMatch='"1"')
    end.expect_message(after_locks=False)
    end.run()


def test_a_lock_that_cannot_be_given_back_keeps_no_message_back(end: End) -> None:
    end.expect_jobs(COMPLETED)
    end.s3.refuse("list_objects_v2", "AccessDenied", "Access Denied.", 403)
    end.expect_message(after_locks=False)
    assert "the next run takes it over" in end.run().message()


def test_a_refused_request_is_announced_without_a_job(end: End) -> None:
    end.state = {}
    end.expect_jobs()
    end.expect_message()
    finished = end.run(failure=caught("RequestInvalid", "The input's field epochs is 0."))
    assert finished.outcome.error == "RequestInvalid"
    assert finished.outcome.cause == "The input's field epochs is 0."
    assert "No training job was started" in finished.message()
    assert finished.subject().startswith("floorplan-dino failed (RequestInvalid): ")


def test_a_decision_that_ends_the_run_is_a_failure_like_any_other(end: End) -> None:
    end.state = without(end.state, "job", "quote")
    end.expect_jobs()
    end.expect_message()
    failure = {"Error": "DatasetInvalid", "Cause": "The data set has 3 errors."}
    finished = end.run(failure=failure)
    assert (finished.outcome.error, finished.outcome.cause) == ("DatasetInvalid", failure["Cause"])


@pytest.mark.parametrize("cause", ["no JSON", "5", '"text"', "", '{"errorMessage": null}'])
def test_a_fault_of_the_pipeline_itself_says_so_and_where_to_look(cause: str, end: End) -> None:
    end.expect_jobs()
    end.sagemaker.refuse(*NOT_FOUND)  # the one that the state names, and whether there is another
    end.expect_message()
    finished = end.run(failure={"Error": "Lambda.Unknown", "Cause": cause})
    assert finished.outcome.error == "Lambda.Unknown"
    assert str(finished.outcome.cause).startswith("The pipeline itself failed: ")
    assert "/v2/executions/details/" in str(finished.outcome.cause)


def test_when_the_jobs_cannot_be_looked_at_the_message_goes_out_all_the_same(end: End) -> None:
    end.sagemaker.refuse("describe_training_job", "AccessDeniedException", "not authorized")
    end.expect_message()
    finished = end.run(failure=caught("TrainingFailed", "It failed."))
    assert "AccessDeniedException: not authorized" in finished.message()
    assert "stop them if they still run" in finished.message()
    assert "No training job was started" not in finished.message()


def test_a_busy_service_is_tried_again_before_anything_is_sent(end: End) -> None:
    end.sagemaker.refuse("describe_training_job", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable):
        end.run()


def test_a_further_try_neither_sends_a_message_nor_counts_the_cost_once_more(end: End) -> None:
    end.sagemaker.expect("describe_training_job", described_job(end.name(), **COMPLETED))
    end.sagemaker.refuse(*NOT_FOUND)
    end.expect_locks()
    end.s3.expect("list_objects_v2", listed("the message"), Bucket="bucket", Prefix=ANY, MaxKeys=1)
    assert end.run().outcome.cost_usd == 1.52


def counted(end: End, **more: Any) -> float:
    """What the finalisation adds to the metric of what was spent."""
    put: list[dict[str, Any]] = []
    end.cloudwatch.client.meta.events.register(
        "provide-client-params.cloudwatch.PutMetricData", lambda params, **_: put.extend(params["MetricData"])
    )
    end.run(**more)
    (data,) = put
    assert data["MetricName"] == "TrainingSpent"
    return float(data["Value"])


def test_the_end_counts_what_watch_has_not(end: End) -> None:
    end.state["job"]["number"] = 1
    end.state["job"]["name"] = end.name(1)
    end.state["job"]["counted_usd"] = 0.5
    end.expect_jobs(COMPLETED, COMPLETED)  # the first was counted to its end
    end.expect_message()
    assert counted(end) == 1.02


def test_without_the_state_nothing_is_counted_twice(end: End) -> None:
    end.state = {}
    end.expect_jobs(COMPLETED)
    end.expect_message()
    assert counted(end) == 0


def test_metrics_that_cannot_be_written_keep_no_message_back(end: End) -> None:
    end.sagemaker.expect("describe_training_job", described_job(end.name(), **COMPLETED))
    end.sagemaker.refuse(*NOT_FOUND)
    end.cloudwatch.refuse("put_metric_data", "Throttling", "Rate exceeded")
    end.expect_message()
    assert end.run().outcome.status == "SUCCEEDED"


def test_names_of_the_data_set_cannot_forge_a_line_of_the_message(end: End) -> None:
    end.state = {}
    end.expect_jobs()
    end.expect_message()
    cause = "The file train/a\n\nThe run succeeded.\x1b[2J is missing."
    message = end.run(failure={"Error": "DatasetInvalid", "Cause": cause}).message()
    assert "\x1b" not in message
    assert "The run succeeded.\\x1b[2J is missing." in message
    assert "\nThe run succeeded." not in message


def test_a_subject_is_what_sns_accepts(end: End) -> None:
    end.state = {}
    end.execution = Execution.from_context(context(Name="plan-è-" + "x" * 73))
    end.expect_jobs()
    end.expect_message()
    subject = end.run().subject()
    assert len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()
