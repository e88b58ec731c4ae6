"""A step: its input is read from the event, its result is JSON, and its log tells of both without the state."""

import logging
from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError
from pipeline.errors import DeploymentChanged, KeyRefused, OverBudget
from pipeline.execution import Execution
from pipeline.job.launched_job import Attempt
from pipeline.step import Step

from tests.pipeline.conftest import context

EVENT = {"execution": context(), "attempt": {"stage": 0, "choice": 1, "number": 2}}


@dataclass(frozen=True, kw_only=True)
class Answer:
    action: str
    details: str
    attempts: tuple[Attempt, ...]
    error: str | None = None


@Step
def handler(*, execution: Execution, attempt: Attempt) -> Answer:
    """Raises OverBudget for the second choice."""
    if attempt.choice == 2:
        raise OverBudget("It would cost 12 USD.")
    return Answer(action="wait", details="the whole state", attempts=(attempt,))


def said(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    names = ("execution", "step", "event", "decision", "error", "cause")
    return [{name: record.__dict__[name] for name in names if name in record.__dict__} for record in caplog.records]


def test_the_result_is_json(caplog: pytest.LogCaptureFixture) -> None:
    answer = {"action": "wait", "details": "the whole state", "attempts": [EVENT["attempt"]], "error": None}
    assert handler(EVENT, None) == answer


def test_start_decision_and_end_are_logged_with_the_executions_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        handler(EVENT, None)
    told = {"execution": context()["Name"], "step": "test_step"}
    assert said(caplog) == [
        told | {"event": "start"},
        told | {"event": "decision", "decision": {"action": "wait"}},
        told | {"event": "end"},
    ]
    assert caplog.records[-1].__dict__["seconds"] >= 0


def test_an_error_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    event = EVENT | {"attempt": {"stage": 0, "choice": 2, "number": 2}}
    with caplog.at_level(logging.INFO), pytest.raises(OverBudget):
        handler(event, None)
    assert [line["event"] for line in said(caplog)] == ["start", "end"]
    assert said(caplog)[-1] | {"error": "OverBudget", "cause": "It would cost 12 USD."} == said(caplog)[-1]


def test_an_event_of_another_deployment_is_refused_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    event = EVENT | {"attempt": {"run": 0, "choice": 2, "number": 2}}
    with caplog.at_level(logging.INFO), pytest.raises(DeploymentChanged, match=r"\$\.attempt\.stage is missing"):
        handler(event, None)
    assert said(caplog)[-1]["error"] == "DeploymentChanged"


def refused(code: str, message: str) -> Step:
    """A step whose object S3 refuses."""

    def handle(*, execution: Execution) -> Answer:
        raise ClientError({"Error": {"Code": code, "Message": message}}, "GetObject")

    return Step(handle)


KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "AccessDenied",
            f"User: arn:aws:sts::1:assumed-role/Validate is not authorized to perform: kms:Decrypt on resource: {KEY} "
            "because no identity-based policy allows the kms:Decrypt action",
        ),
        ("KMS.DisabledException", f"{KEY} is disabled."),
        ("KMS.KMSInvalidStateException", f"{KEY} is pending deletion."),
    ],
)
def test_a_key_that_cannot_be_used_is_named_with_the_remedy(
    code: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a deployment without kms_key_arn, while the data set is still encrypted by the key."""
    with caplog.at_level(logging.INFO), pytest.raises(KeyRefused, match=r"GetObject .*key/1234abcd.* as kms_key_arn"):
        refused(code, message)(EVENT, None)
    assert said(caplog)[-1]["error"] == "KeyRefused"


@pytest.mark.parametrize(("code", "message"), [("AccessDenied", "Access Denied"), ("KMSThrottling", "Rate exceeded")])
def test_other_refusals_are_raised_as_they_are(code: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        refused(code, message)(EVENT, None)
