"""The handlers before Launch as Lambda calls them: environment variables and an event in, JSON out."""

import json
from collections.abc import Callable

import pytest
from pipeline.errors import EXPECTED_ERRORS, RequestInvalid
from pipeline.request import Request
from pipeline.settings import BucketSettings, Defaults, Settings
from pipeline.state import to_state
from pipeline.steps import resolve, validate

from tests.contract.samples import SampleDataset
from tests.pipeline.bucket_in_memory import BucketInMemory
from tests.pipeline.conftest import context

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
        Defaults(
            dataset_prefix="dino-data",
            preset="tiny",
            instance_type="ml.g5.xlarge",
            quality_gate={"room": 0.9},
            highest_cost_usd=200,
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
    set_up(BucketSettings(bucket="b"))
    state = validate.handler({"execution": context(), "request": to_state(request_)}, None)
    assert state["status"] == "valid"
    assert json.loads(json.dumps(state)) == state
    assert f"reports/{context()['Name']}/report.json" in files


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUCKET", raising=False)
    with pytest.raises(RuntimeError, match="BUCKET: deploy the stack again"):
        BucketSettings.from_environment({})


def test_the_error_names_that_people_see() -> None:
    assert {
        "RequestInvalid",
        "AlreadyRunning",
        "DatasetMissing",
        "DatasetInvalid",
        "QuoteRefused",
        "KeyRefused",
        "LaunchFailed",
        "FirstMinutesFailed",
        "TrainingStalled",
        "OverBudget",
        "TrainingFailed",
        "TrainingStopped",
        "TrainingTimedOut",
        "DeploymentChanged",
    } == EXPECTED_ERRORS
