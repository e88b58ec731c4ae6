"""What the function is asked about: a plan in the bucket, by an event or directly, or one that is posted to it."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.s3_layout import BATCH_PLANS, BATCHES, PLANS, PREDICTIONS

from dataset_contract.sanitise import short
from serving.errors import PlanRefused
from serving.settings import MAX_POSTED_BYTES

_LONGEST_KEY = 900
"""Bytes: S3 allows 1024, and the answers' keys are longer than the plan's."""
_NO_TEXT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class PlanInBucket:
    """A plan below PLANS or BATCH_PLANS."""

    key: str

    @property
    def answers(self) -> str:
        """How the keys of its answers begin."""
        if self.key.startswith(BATCH_PLANS):
            return f"{PREDICTIONS}{BATCHES}{self.key.removeprefix(BATCH_PLANS)}"
        return PREDICTIONS + self.key.removeprefix(PLANS)


@dataclass(frozen=True, slots=True)
class PostedPlan:
    """A plan that came with the request."""

    data: bytes

    @property
    def answers(self) -> str:
        """How the keys of its answers begin: the same for the same plan."""
        return f"{PREDICTIONS}posted/{hashlib.sha256(self.data).hexdigest()[:32]}"


def is_http(event: Mapping[str, Any]) -> bool:
    """Whether the event comes from the function URL."""
    return "http" in event.get("requestContext", {})


def request_of(event: Mapping[str, Any], bucket: str) -> PlanInBucket | PostedPlan | None:
    """The plan of an event; None if it is about a folder. Raises PlanRefused.

    The event is EventBridge's of a new object, the function URL's of a request, or {"plan": "plans/..."}, as those of a
    batch are.
    """
    if is_http(event):
        return _posted(event)
    if event.get("source") == "aws.s3":
        detail = event["detail"]
        assert detail["bucket"]["name"] == bucket, detail
        key = detail["object"]["key"]
    else:
        key = event.get("plan")
    if not isinstance(key, str) or not key.startswith((PLANS, BATCH_PLANS)):
        raise PlanRefused(
            f"{short(key)} is no plan below {PLANS}: name its key in the bucket, such as {PLANS}house.png."
        )
    if len(key.encode(errors="replace")) > _LONGEST_KEY:
        raise PlanRefused(f"{short(key)} has a name longer than {_LONGEST_KEY} bytes: give it a shorter one.")
    return None if key.endswith("/") else PlanInBucket(key)


def _posted(event: Mapping[str, Any]) -> PostedPlan:
    if event["requestContext"]["http"].get("method") != "POST":
        raise PlanRefused("Post a plan: the bytes of a picture or of a PDF of one page.", status=405)
    body = event.get("body") or ""
    given = str(event.get("headers", {}).get("content-type", ""))
    if given.startswith("multipart/"):
        raise PlanRefused("The plan came in a form: post its bytes as they are.", status=415)
    if _NO_TEXT in body:  # what Lambda makes of bytes that it takes for text, by their type
        raise PlanRefused(
            f"The request says that the plan is text ({short(given)}), which damages it: post it with the content type "
            "application/octet-stream.",
            status=415,
        )
    try:
        data = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError):
        raise PlanRefused("The request's body cannot be read: post the plan's bytes as they are.") from None
    if not data:
        raise PlanRefused("The request has no body: post the bytes of a picture or of a PDF of one page.")
    if len(data) > MAX_POSTED_BYTES:
        raise PlanRefused(
            f"The plan has {len(data):,} bytes, more than the {MAX_POSTED_BYTES:,} that can be posted: put it into "
            f"{PLANS} of the bucket.",
            status=413,
        )
    return PostedPlan(data)
