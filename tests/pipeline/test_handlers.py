"""The handlers as Lambda calls them: environment variables and the state machine's event in, JSON out."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pipeline import finalise, launch, resolve, validate, watch
from pipeline.errors import EXPECTED_ERRORS, RequestInvalid, TrainingFailed
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.settings import FinaliseSettings, LaunchSettings, ResolveSettings, Settings, ValidateSettings

from tests.contract.samples import SampleDataset
from tests.pipeline.bucket_in_memory import BucketInMemory
from tests.pipeline.conftest import StubbedClient, context, described_job

SetUp = Callable[[Settings], None]


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> SetUp:
    def variables(settings: Settings) -> None:
        for name, value in settings.to_environment().items():
            monkeypatch.setenv(name, value)

    return variables


def answering(client: object) -> Callable[[], object]:
    return lambda: client


def test_resolve_makes_a_request_of_the_executions_input(set_up: SetUp) -> None:
    set_up(
        ResolveSettings(
            dataset_prefix="dino-data",
            default_preset="tiny",
            default_instance_type="ml.g5.xlarge",
            default_quality_gate='{"room": 0.9}',
        )
    )
    request = resolve.handler({"execution": context(Input={"epochs": 3})}, None)
    assert (request["preset"], request["epochs"], request["instance_types"]) == ("tiny", 3, ["ml.g5.xlarge"])
    assert request["quality_gate"] == {"room": 0.9}
    assert json.loads(json.dumps(request)) == request
    with pytest.raises(RequestInvalid):
        resolve.handler({"execution": context(Input="text")}, None)


def test_validate_reports_on_the_requests_data_set(
    set_up: SetUp, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"dino-data/{path}": content for path, content in SampleDataset().all_files().items()}
    monkeypatch.setattr(validate, "s3_client", answering(BucketInMemory(files)))
    set_up(ValidateSettings(bucket="b"))
    state = validate.handler({"execution": context(), "request": request_.to_state()}, None)
    assert state["verdict"] == "valid"
    assert json.loads(json.dumps(state)) == state
    assert f"reports/{context()['Name']}/report.json" in files


def test_launch_creates_the_job(
    set_up: SetUp,
    request_: Request,
    dataset: dict[str, Any],
    settings: LaunchSettings,
    monkeypatch: pytest.MonkeyPatch,
    *,
    s3: StubbedClient,
    sagemaker: StubbedClient,
    execution: Execution,
) -> None:
    monkeypatch.setattr(launch, "s3_client", answering(s3.client))
    monkeypatch.setattr(launch, "sagemaker_client", answering(sagemaker.client))
    set_up(settings)
    s3.expect("list_objects_v2", {})
    s3.expect("copy_object", {"CopyObjectResult": {}})
    sagemaker.expect("create_training_job", {"TrainingJobArn": described_job("job")["TrainingJobArn"]})
    event = {"execution": context(), "request": request_.to_state(), "dataset": dataset}
    assert launch.handler(event, None)["name"] == execution.job_name()


def test_watch_looks_once(sagemaker: StubbedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "sagemaker_client", answering(sagemaker.client))
    sagemaker.expect("describe_training_job", described_job("job"), TrainingJobName="job")
    state = watch.handler({"execution": context(), "job": {"name": "job"}}, None)
    assert (state["action"], state["secondary_status"]) == ("wait", "Training")
    assert json.loads(json.dumps(state)) == state


def test_watch_ends_the_run_when_the_job_is_gone(sagemaker: StubbedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "sagemaker_client", answering(sagemaker.client))
    sagemaker.refuse("describe_training_job", "ValidationException", "Requested resource not found.")
    with pytest.raises(TrainingFailed, match="deleted it"):
        watch.handler({"execution": context(), "job": {"name": "job"}}, None)


def test_finalise_publishes_and_returns_the_outcome(
    set_up: SetUp, sagemaker: StubbedClient, sns: StubbedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finalise, "sagemaker_client", answering(sagemaker.client))
    monkeypatch.setattr(finalise, "sns_client", answering(sns.client))
    set_up(FinaliseSettings(bucket="bucket", topic_arn="arn:aws:sns:us-east-1:123456789012:Topic"))
    sns.expect("publish", {"MessageId": "1"})
    failure = {"Error": "DatasetMissing", "Cause": '{"errorMessage": "There is none."}'}
    state = finalise.handler({"execution": context(), "state": {"failure": failure}}, None)
    assert (state["status"], state["error"], state["cause"]) == ("FAILED", "DatasetMissing", "There is none.")
    assert json.loads(json.dumps(state)) == state


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUCKET", raising=False)
    with pytest.raises(RuntimeError, match="BUCKET: deploy the stack again"):
        ValidateSettings.from_environment({})


def test_the_error_names_that_people_see() -> None:
    assert {
        "RequestInvalid",
        "AlreadyRunning",
        "DatasetMissing",
        "DatasetInvalid",
        "QuoteRefused",
        "LaunchFailed",
        "FirstMinutesFailed",
        "TrainingStalled",
        "OverBudget",
        "TrainingFailed",
        "TrainingStopped",
        "TrainingTimedOut",
    } == EXPECTED_ERRORS
