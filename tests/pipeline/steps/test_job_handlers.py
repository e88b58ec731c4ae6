"""The handlers from Launch to the end as Lambda calls them: environment and event in, JSON out."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY
from pipeline.dataset.validation import DatasetCheck
from pipeline.errors import AwsUnavailable, LaunchFailed, TrainingFailed
from pipeline.execution import Execution
from pipeline.job.execution_jobs import EXECUTION_TAG
from pipeline.job.launched_job import LaunchedJob
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.settings import FinaliseSettings, JudgeSettings, LaunchSettings, Settings, WatchSettings
from pipeline.state import to_state
from pipeline.steps import clean_up, failed, finalise, judge, launch, stop, watch

from tests.pipeline.artifacts import METRICS, packed
from tests.pipeline.conftest import JOB_NOT_FOUND, StubbedClient, context, described_job
from tests.pipeline.job.launching import expect_history, expect_lock_of

SetUp = Callable[..., None]
WATCH_SETTINGS = WatchSettings(stall_minutes=30.0, queue_minutes=30.0)
FINALISE = FinaliseSettings(bucket="bucket", topic_arn="arn:aws:sns:us-east-1:123456789012:Topic")


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> SetUp:
    """Gives a handler's module its settings and clients."""

    def environment(module: object, settings: Settings | None = None, **clients: StubbedClient) -> None:
        for name, value in (settings.to_environment() if settings else {}).items():
            monkeypatch.setenv(name, value)
        for name, stubbed in clients.items():
            monkeypatch.setattr(module, f"{name}_client", lambda client=stubbed.client: client)

    return environment


@pytest.fixture
def event(request_: Request, dataset: DatasetCheck, quote: Quote, job: LaunchedJob) -> dict[str, Any]:
    """All that the steps' events hold between them."""
    return {
        "execution": context(),
        "request": to_state(request_),
        "dataset": to_state(dataset),
        "quote": to_state(quote),
        "job": to_state(job),
        "attempt": {"stage": 0, "choice": 0, "number": 0},
        "counted_usd": 0.0,
    }


def is_json(state: object) -> bool:
    return bool(json.loads(json.dumps(state, allow_nan=False)) == state)


def tagged(sagemaker: StubbedClient, execution: Execution) -> None:
    sagemaker.expect("list_tags", {"Tags": [{"Key": EXECUTION_TAG, "Value": execution.tag}]})


def test_launch_creates_the_job(
    set_up: SetUp,
    settings: LaunchSettings,
    event: dict[str, Any],
    s3: StubbedClient,
    sagemaker: StubbedClient,
    *,
    stepfunctions: StubbedClient,
) -> None:
    set_up(launch, settings, s3=s3, sagemaker=sagemaker, stepfunctions=stepfunctions)
    expect_lock_of(s3, Execution.from_context(context()))
    sagemaker.refuse_further_jobs()
    s3.expect("list_objects_v2", {})
    s3.expect("copy_object", {"CopyObjectResult": {}})
    sagemaker.expect("create_training_job", {"TrainingJobArn": described_job("job")["TrainingJobArn"]})
    expect_history(stepfunctions)
    now = datetime.now(UTC)
    running = {"executionArn": "a", "stateMachineArn": "b", "status": "RUNNING", "startDate": now}
    stepfunctions.expect("describe_execution", running)
    state = launch.handler(event, None)
    assert state == event["job"]
    assert is_json(state)


def expect_snapshot(
    logs: StubbedClient, s3: StubbedClient, cloudwatch: StubbedClient, metrics: dict[str, float]
) -> None:
    logs.expect("describe_log_streams", {"logStreams": []})
    s3.expect("list_objects_v2", {})
    data = [{"MetricName": name, "Value": value, "Unit": ANY} for name, value in metrics.items()]
    cloudwatch.expect("put_metric_data", {}, Namespace="FloorplanDino", MetricData=data)


def test_watch_takes_one_snapshot_and_draws_it(
    set_up: SetUp,
    event: dict[str, Any],
    sagemaker: StubbedClient,
    logs: StubbedClient,
    s3: StubbedClient,
    *,
    cloudwatch: StubbedClient,
) -> None:
    set_up(watch, WATCH_SETTINGS, sagemaker=sagemaker, logs=logs, s3=s3, cloudwatch=cloudwatch)
    name = event["job"]["name"]
    sagemaker.expect("describe_training_job", described_job(name, secondary="Starting"), TrainingJobName=name)
    expect_snapshot(logs, s3, cloudwatch, {"TrainingCostSoFar": 0.0, "TrainingSpent": 0.0})
    event["quote"]["choices"] = event["quote"]["choices"][:1]
    state = watch.handler(event, None)
    assert (state["action"], state["secondary_status"]) == ("wait", "Starting")
    assert is_json(state)


def test_watch_goes_on_while_nobody_can_look_on(
    set_up: SetUp,
    event: dict[str, Any],
    sagemaker: StubbedClient,
    logs: StubbedClient,
    s3: StubbedClient,
    *,
    cloudwatch: StubbedClient,
) -> None:
    set_up(watch, WATCH_SETTINGS, sagemaker=sagemaker, logs=logs, s3=s3, cloudwatch=cloudwatch)
    created = datetime.now(UTC) - timedelta(minutes=1)
    sagemaker.expect("describe_training_job", described_job(event["job"]["name"], CreationTime=created))
    logs.expect("describe_log_streams", {"logStreams": []})
    s3.expect("list_objects_v2", {})
    cloudwatch.refuse("put_metric_data", "Throttling", "Rate exceeded")
    assert watch.handler(event, None)["action"] == "wait"


def test_watch_ends_the_run_when_the_job_is_gone(
    set_up: SetUp, event: dict[str, Any], sagemaker: StubbedClient
) -> None:
    set_up(watch, WATCH_SETTINGS, sagemaker=sagemaker)
    sagemaker.refuse(*JOB_NOT_FOUND)
    with pytest.raises(TrainingFailed, match="deleted it"):
        watch.handler(event, None)


WATCH = {
    "action": "stop",
    "error": "OverBudget",
    "cause": "Too dear.",
    "relaunch": False,
    "status": "InProgress",
    "secondary_status": "Training",
    "sentence": "Training.",
    "billable_seconds": 60,
    "cost_usd": 0.03,
    "execution_cost_usd": 0.03,
    "projected_usd": None,
    "images_per_second": None,
    "quoted_images_per_second": 2.7,
    "quiet_seconds": 1,
    "checkpoint_age_seconds": None,
    "health": None,
}


@pytest.mark.parametrize("ended", [False, True])
def test_stop_keeps_why_even_if_the_job_has_ended_meanwhile(
    set_up: SetUp, event: dict[str, Any], sagemaker: StubbedClient, execution: Execution, *, ended: bool
) -> None:
    set_up(stop, sagemaker=sagemaker)
    name = event["job"]["name"]
    sagemaker.expect("describe_training_job", described_job(name), TrainingJobName=name)
    tagged(sagemaker, execution)
    if ended:
        sagemaker.refuse("stop_training_job", "ValidationException", "The job is in state Stopped.")
    else:
        sagemaker.expect("stop_training_job", {}, TrainingJobName=name)
    state = stop.handler(event | {"watch": WATCH}, None)
    assert state == event["job"] | {"stop": {"error": "OverBudget", "cause": "Too dear.", "relaunch": False}}


def test_stop_never_stops_a_job_of_somebody_else(
    set_up: SetUp, event: dict[str, Any], sagemaker: StubbedClient
) -> None:
    set_up(stop, sagemaker=sagemaker)
    sagemaker.expect("describe_training_job", described_job(event["job"]["name"]))
    sagemaker.expect("list_tags", {"Tags": [{"Key": EXECUTION_TAG, "Value": "another"}]})
    with pytest.raises(LaunchFailed, match="does not carry this execution's tag"):
        stop.handler(event | {"watch": WATCH}, None)


def test_judge_reads_the_artifact_of_the_watched_job(
    set_up: SetUp, event: dict[str, Any], sagemaker: StubbedClient, s3: StubbedClient
) -> None:
    set_up(
        judge,
        JudgeSettings(bucket="bucket", model_package_group="group", training_image="image:1"),
        sagemaker=sagemaker,
        s3=s3,
    )
    content = packed({"metrics.json": METRICS.replace(b"0.91", b"0.5")})
    s3.expect("get_object", {"Body": StreamingBody(io.BytesIO(content), len(content))}, Bucket="bucket", Key="model")
    sagemaker.expect("describe_training_job", described_job(event["job"]["name"], "Completed", "Completed"))
    s3.expect("put_object", {}, Bucket="bucket", Key=ANY, Body=ANY, ContentType="application/json")
    sagemaker.expect("create_model_package_group", {"ModelPackageGroupArn": described_job("j")["TrainingJobArn"]})
    sagemaker.expect("list_model_packages", {"ModelPackageSummaryList": []})
    state = judge.handler(event | {"watch": WATCH | {"action": "completed", "artifact_uri": "s3://bucket/model"}}, None)
    assert (state["decision"], state["f1_by_class"]) == ("gate_not_met", {"wall": 0.95, "room": 0.5})
    assert is_json(state)


def expect_message(sns: StubbedClient, s3: StubbedClient) -> None:
    """Sent once, and after no lock was found."""
    s3.expect("list_objects_v2", {}, Bucket="bucket", Prefix="locks/")
    s3.expect("list_objects_v2", {})
    sns.expect("publish", {"MessageId": "1"})
    s3.expect("put_object", {})


def test_finalise_publishes_and_returns_the_outcome(
    set_up: SetUp, sagemaker: StubbedClient, sns: StubbedClient, s3: StubbedClient, cloudwatch: StubbedClient
) -> None:
    set_up(finalise, FINALISE, sagemaker=sagemaker, sns=sns, s3=s3, cloudwatch=cloudwatch)
    sagemaker.refuse_further_jobs()
    expect_message(sns, s3)
    failure = {"Error": "DatasetMissing", "Cause": '{"errorMessage": "There is none."}'}
    state = finalise.handler({"execution": context(), "state": {"failure": failure}}, None)
    assert (state["status"], state["error"], state["cause"]) == ("FAILED", "DatasetMissing", "There is none.")
    assert is_json(state)


OUTCOME: dict[str, Any] = {
    "status": "FAILED",
    "decision": None,
    "sentence": None,
    "training_job_name": None,
    "training_job_names": [],
    "starting_weights": None,
    "artifact_uri": None,
    "model_package_arn": None,
    "metrics_uri": None,
    "report_uri": None,
    "seconds": 1,
    "billable_seconds": 0,
    "cost_usd": 0.0,
    "spot_saving": None,
}


@pytest.mark.parametrize("error", ["OverBudget", "Lambda.Unknown", "KeyError"])
def test_failed_ends_the_execution_with_the_runs_own_error(error: str) -> None:
    outcome = OUTCOME | {"error": error, "cause": "What and where.", "redrive_count": 1}
    with pytest.raises(Exception, match=r"^What and where\.$") as raised:
        failed.handler({"execution": context(RedriveCount=1), "outcome": outcome}, None)
    assert type(raised.value).__name__ == error


def test_a_redriven_failure_starts_the_run_again() -> None:
    outcome = OUTCOME | {"error": "OverBudget", "cause": "x", "redrive_count": 0}
    assert failed.handler({"execution": context(RedriveCount=1), "outcome": outcome}, None) == {}


def expect_execution(stepfunctions: StubbedClient, status: str, redrives: int = 0) -> None:
    execution = Execution.from_context(context())
    answer = {
        "executionArn": execution.arn,
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:Pipeline",
        "name": execution.name,
        "status": status,
        "startDate": execution.started,
        "redriveCount": redrives,
        **({"error": "States.DataLimitExceeded", "cause": "too much"} if status == "FAILED" else {}),
    }
    stepfunctions.expect("describe_execution", answer, executionArn=execution.arn)


def ended(execution: Execution, status: str, redrives: int = 0) -> dict[str, Any]:
    """The event of its end."""
    return {"detail": {"executionArn": execution.arn, "status": status, "redriveCount": redrives}}


@pytest.mark.parametrize(
    ("status", "error"), [("ABORTED", "Aborted"), ("TIMED_OUT", "TimedOut"), ("FAILED", "States.DataLimitExceeded")]
)
def test_an_execution_that_runs_no_further_step_leaves_no_job_running_and_is_told_of(
    set_up: SetUp,
    sagemaker: StubbedClient,
    sns: StubbedClient,
    s3: StubbedClient,
    cloudwatch: StubbedClient,
    *,
    stepfunctions: StubbedClient,
    execution: Execution,
    status: str,
    error: str,
) -> None:
    set_up(clean_up, stepfunctions=stepfunctions)
    set_up(finalise, FINALISE, sagemaker=sagemaker, sns=sns, s3=s3, cloudwatch=cloudwatch)
    expect_execution(stepfunctions, status)
    name = execution.job_name(0)
    sagemaker.expect("describe_training_job", described_job(name), TrainingJobName=name)
    sagemaker.refuse_further_jobs()
    tagged(sagemaker, execution)
    sagemaker.expect("stop_training_job", {}, TrainingJobName=name)
    cloudwatch.expect("put_metric_data", {})
    expect_message(sns, s3)
    state = clean_up.handler(ended(execution, status), None)
    assert state is not None
    assert (state["status"], state["error"], state["training_job_name"]) == ("FAILED", error, name)
    assert is_json(state)


def test_an_execution_that_was_redriven_meanwhile_is_left_alone(
    set_up: SetUp, stepfunctions: StubbedClient, execution: Execution
) -> None:
    set_up(clean_up, FINALISE, stepfunctions=stepfunctions)
    expect_execution(stepfunctions, "RUNNING", redrives=1)
    assert clean_up.handler(ended(execution, "ABORTED"), None) is None


@pytest.mark.parametrize(("status", "redrives"), [("RUNNING", 1), ("ABORTED", 0)])
def test_an_end_that_is_not_shown_yet_is_asked_for_again(
    set_up: SetUp, stepfunctions: StubbedClient, execution: Execution, *, status: str, redrives: int
) -> None:
    """DescribeExecution may still tell what was before the end, or before the redrive."""
    set_up(clean_up, FINALISE, stepfunctions=stepfunctions)
    expect_execution(stepfunctions, status, redrives=redrives)
    with pytest.raises(AwsUnavailable, match="does not show the end"):
        clean_up.handler(ended(execution, "ABORTED", redrives=1), None)
