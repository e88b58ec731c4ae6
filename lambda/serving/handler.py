"""What Lambda calls: predicts on the plan of an event with the approved model, files the answer and returns it."""

import base64
import json
import logging
import os
import time
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Protocol

from pipeline.aws_errors import raising_unavailable
from pipeline.client_types import S3Client
from pipeline.clients import s3_client, sagemaker_client
from pipeline.errors import AwsUnavailable
from pipeline.s3_layout import uri

from dataset_contract.sanitise import sanitise
from serving.answer import FORMAT, Answer, RemainingSeconds, answer_plan
from serving.answer_files import JSON, PICTURE, SVG
from serving.errors import NoApprovedModel, PlanRefused
from serving.model_in_use import ModelInUse
from serving.plan_reading import content_tag, read_plan
from serving.requests import PlanInBucket, PostedPlan, is_http, request_of
from serving.settings import MAX_RESPONSE_BYTES, TIMEOUT_SECONDS, ServingSettings

_TYPES = {JSON: "application/json", SVG: "image/svg+xml", PICTURE: "image/png"}
_FORMS = {"json": JSON, "svg": SVG, "png": PICTURE}
"""What the function URL returns, by the query's `format`."""

_log = logging.getLogger("serving")
_log.setLevel(logging.INFO)


class Context(Protocol):
    """What the handler needs of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Until Lambda ends the function."""


class Service:
    """Answers events; `model` stays loaded from one to the next."""

    def __init__(self, s3: S3Client, model: ModelInUse, bucket: str) -> None:
        self._s3, self._model, self._bucket = s3, model, bucket

    def handle(self, event: Mapping[str, Any], remaining: RemainingSeconds) -> Any:  # noqa: ANN401 - JSON
        """Answer a request of the URL, or do what an event says and return a summary.

        An event whose plan is refused is done: trying again would change nothing. Raises NoApprovedModel or
        AwsUnavailable for an event that Lambda is to try again, and PlanRefused for one that names no plan under whose
        name an answer can be filed.
        """
        if is_http(event):
            return self._http(event, remaining)
        request = request_of(event, self._bucket)
        if request is None:
            return {"skipped": "a folder"}
        assert isinstance(request, PlanInBucket)
        return self._plan_in_bucket(request, remaining)

    def _plan_in_bucket(self, request: PlanInBucket, remaining: RemainingSeconds) -> dict[str, Any]:
        """Answer the plan as it is at the end.

        Events come twice, late and out of order, and another function may be at work on the same plan: an answer about
        what has been replaced meanwhile could come last and stay. So whoever has filed one looks again.
        """
        content = content_tag(self._s3, self._bucket, request.key)
        while True:
            summary = self._filed(request, remaining)
            answered, content = content, content_tag(self._s3, self._bucket, request.key)
            if content in (answered, None):
                return summary
            if remaining() < TIMEOUT_SECONDS / 2:
                raise AwsUnavailable(f"{request.key} was replaced while it was predicted on.")

    def _filed(self, request: PlanInBucket, remaining: RemainingSeconds) -> dict[str, Any]:
        """The summary of an answer or a refusal, which is filed; what is said of a plan that was deleted stays."""
        try:
            answer, model = self._answer(request, request.key, remaining)
        except PlanRefused as refusal:
            sentence = sanitise(refusal, longest=1000)
            _log.warning("refused: %s", sentence, extra={"plan": request.key})
            if refusal.status != HTTPStatus.NOT_FOUND:
                refused = {"format": FORMAT, "plan": {"name": sanitise(request.key)}, "error": sentence}
                self._put(request.answers + JSON, json.dumps(refused).encode())
            return {"plan": request.key, "refused": sentence}
        where = uri(self._bucket, request.answers + JSON)
        return {"plan": request.key, "answer": where, "objects": answer.objects, "model_version": model}

    def _http(self, event: Mapping[str, Any], remaining: RemainingSeconds) -> dict[str, Any]:
        form = (event.get("queryStringParameters") or {}).get("format", "json")
        try:
            if form not in _FORMS:
                raise PlanRefused(f"The format must be one of {', '.join(_FORMS)}.")
            request = request_of(event, self._bucket)
            assert isinstance(request, PostedPlan)
            answer, _ = self._answer(request, "The plan", remaining)
        except PlanRefused as refusal:
            return _response(refusal.status, JSON, _error(refusal))
        except (NoApprovedModel, AwsUnavailable) as error:
            _log.exception("no answer")
            return _response(503, JSON, _error(error))
        response = _response(200, _FORMS[form], _files(answer)[_FORMS[form]])
        if len(json.dumps(response)) > MAX_RESPONSE_BYTES:
            where = uri(self._bucket, request.answers + _FORMS[form])
            too_large = PlanRefused(f"The answer is too large to be returned: fetch it from {where}.", status=413)
            return _response(too_large.status, JSON, _error(too_large))
        return response

    def _answer(self, request: PlanInBucket | PostedPlan, name: str, remaining: RemainingSeconds) -> tuple[Answer, int]:
        """The answer, which is filed, and the version of the model."""
        started = time.monotonic()
        data = request.data if isinstance(request, PostedPlan) else read_plan(self._s3, self._bucket, request.key)
        model = self._model.current()
        places = {
            form: uri(self._bucket, request.answers + suffix) for form, suffix in _FORMS.items() if form != "json"
        }
        answer = answer_plan(data, name, model, files=places, remaining=remaining)
        for suffix, content in _files(answer).items():
            self._put(request.answers + suffix, content)
        _log.info(
            "predicted",
            extra={
                "answers": request.answers,
                "objects": answer.objects,
                "model": model.approved.arn,
                "seconds": round(time.monotonic() - started, 3),
            },
        )
        return answer, model.approved.version

    def _put(self, key: str, content: bytes) -> None:
        suffix = next(suffix for suffix in _TYPES if key.endswith(suffix))
        with raising_unavailable():
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=_TYPES[suffix])


def _files(answer: Answer) -> dict[str, bytes]:
    """By suffix, in the order in which they are written: the JSON makes the others valid."""
    return {SVG: answer.svg, PICTURE: answer.picture, JSON: answer.json}


def _error(error: Exception) -> bytes:
    return json.dumps({"error": sanitise(error, longest=1000)}).encode()


def _response(status: int, suffix: str, content: bytes) -> dict[str, Any]:
    is_text = suffix != PICTURE
    return {
        "statusCode": status,
        "headers": {"content-type": _TYPES[suffix]},
        "body": content.decode() if is_text else base64.b64encode(content).decode(),
        "isBase64Encoded": not is_text,
    }


@cache
def _service() -> Service:
    """Of this function's environment; its model comes with the first plan, since Lambda bills the start-up, too."""
    settings = ServingSettings.from_environment(os.environ)
    return Service(s3_client(), ModelInUse(sagemaker_client(), s3_client(), settings), settings.bucket)


def handler(event: Mapping[str, Any], context: Context) -> Any:  # noqa: ANN401 - JSON
    """Handle one event of EventBridge, the function URL, or a caller that names a plan."""
    return _service().handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
