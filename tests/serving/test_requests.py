"""Which plan an event is about, and that what is about none is refused in a sentence."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from serving.errors import PlanRefused
from serving.requests import PlanInBucket, PostedPlan, request_of

BUCKET = "bucket"
TEXT, FORM = ({"headers": {"content-type": given}} for given in ("text/plain", "multipart/form-data; boundary=x"))


def created(key: str) -> dict[str, Any]:
    """EventBridge's event of a new object."""
    return {"source": "aws.s3", "detail": {"bucket": {"name": BUCKET}, "object": {"key": key}}}


def posted(
    body: str, *, method: str = "POST", encoded: bool = True, query: dict[str, str] | None = None
) -> dict[str, Any]:
    """The function URL's event of a request."""
    event = {"requestContext": {"http": {"method": method}}, "body": body, "isBase64Encoded": encoded}
    return event | ({"queryStringParameters": query} if query else {})


@pytest.mark.parametrize("event", [created("plans/a/house 1+2.png"), {"plan": "plans/a/house 1+2.png"}])
def test_a_plan_in_the_bucket_is_answered_under_its_name(event: dict[str, Any]) -> None:
    request = request_of(event, BUCKET)
    assert request == PlanInBucket("plans/a/house 1+2.png")
    assert request.answers == "predictions/a/house 1+2.png"


def test_a_plan_of_a_batch_is_answered_apart_from_those_that_come_alone() -> None:
    request = request_of({"plan": "batches/plans/1f3a"}, BUCKET)
    assert request == PlanInBucket("batches/plans/1f3a")
    assert request.answers == "predictions/batches/1f3a"


def test_a_posted_plan_is_answered_under_its_content() -> None:
    request = request_of(posted(base64.b64encode(b"plan").decode()), BUCKET)
    assert isinstance(request, PostedPlan)
    assert request.data == b"plan"
    assert request.answers.startswith("predictions/posted/")
    assert request.answers == PostedPlan(b"plan").answers != PostedPlan(b"other").answers


def test_a_folder_is_no_plan() -> None:
    """The console makes an object of it."""
    assert request_of(created("plans/flats/"), BUCKET) is None


@pytest.mark.parametrize(
    ("event", "said", "status"),
    [
        ({"plan": "reports/x.png"}, "is no plan below plans/", 400),
        ({}, "is no plan below plans/", 400),
        ({"plan": "batches/lists/batch-1.json"}, "is no plan below plans/", 400),
        ({"plan": f"plans/{'x' * 900}"}, "longer than 900 bytes", 400),
        (posted("", method="GET"), "Post a plan", 405),
        (posted(""), "has no body", 400),
        (posted("?"), "cannot be read", 400),
        (posted("%PDF \ufffd", encoded=False) | TEXT, r"is text \('text/plain'\), which damages it", 415),
        (posted("LS0=") | FORM, "came in a form: post its bytes as they are", 415),
        (posted(base64.b64encode(bytes(4_500_001)).decode()), "more than the 4,500,000 that can be posted", 413),
    ],
)
def test_what_cannot_be_answered_is_refused(event: dict[str, Any], said: str, status: int) -> None:
    with pytest.raises(PlanRefused, match=said) as refusal:
        request_of(event, BUCKET)
    assert refusal.value.status == status
