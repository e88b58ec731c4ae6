"""An AWS account in memory: real boto3 clients, whose calls are checked by botocore's models and never sent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config

from tests.stacks.second_engine.api_error import ApiError
from tests.stacks.second_engine.clock import Clock
from tests.stacks.second_engine.executions_in_memory import ExecutionsInMemory
from tests.stacks.second_engine.s3_in_memory import S3InMemory
from tests.stacks.second_engine.sagemaker_in_memory import SageMakerInMemory
from training_code.job.metric_lines import TRAINING_FIGURES, training_line

REGION = "us-east-1"


@dataclass(frozen=True)
class Call:
    """One call of a handler, before it is answered."""

    service: str
    operation: str
    parameters: dict[str, Any]
    config: Config
    """The client's."""


class LogsInMemory:
    """The logs of the training jobs: a line of figures every half minute. A page is a span of time, as on AWS."""

    PAGE = timedelta(minutes=10)

    def __init__(self, clock: Clock, sagemaker: SageMakerInMemory) -> None:
        self._clock, self._sagemaker = clock, sagemaker

    def describe_log_streams(self, *, logStreamNamePrefix: str, **_: Any) -> dict[str, Any]:
        job = self._sagemaker.jobs[logStreamNamePrefix.removesuffix("/algo-1-")]
        trained = any(status == "Training" for _, status in job.steps(self._clock.now()))
        return {"logStreams": [{"logStreamName": f"{logStreamNamePrefix}1"}] if trained else []}

    def get_log_events(
        self, *, logStreamName: str, limit: int, nextToken: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """The last lines before the time that the token tells."""
        job = self._sagemaker.jobs[logStreamName.split("/", maxsplit=1)[0]]
        figures = dict.fromkeys(TRAINING_FIGURES, 1.0) | {"images_per_second": job.course.images_per_second}
        now = self._clock.now()
        end = min(now, job.stopped or now)
        to = datetime.fromisoformat(nextToken) if nextToken else now
        since = to - self.PAGE
        moments = [job.at(310 + 30 * number) for number in range(max(0, (end - job.at(310)) // timedelta(seconds=30)))]
        events = [
            {
                "timestamp": int(moment.timestamp() * 1000),
                "message": training_line(step=10 * number + 10, steps=5000, epoch=1, figures=figures),
            }
            for number, moment in enumerate(moments)
            if since <= moment < to and not job.course.is_silent((moment - job.created).total_seconds())
        ]
        is_first = since <= job.created
        return {
            "events": events[-limit:],
            "nextBackwardToken": nextToken if nextToken and is_first else since.isoformat(),
        }


class Topic:
    """SNS: the messages that were published, as (subject, text)."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def publish(self, *, Subject: str, Message: str, **_: Any) -> dict[str, Any]:
        self.messages.append((Subject, Message))
        return {"MessageId": str(len(self.messages))}


class CloudWatchInMemory:
    """Takes every metric."""

    def put_metric_data(self, **_: Any) -> dict[str, Any]:
        return {}


class PriceListInMemory:
    """Has no price: the dated table stands in."""

    def get_products(self, **_: Any) -> dict[str, Any]:
        return {"PriceList": []}


class QuotasInMemory:
    """Quotas by name; one that is missing is not known."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def list_service_quotas(self, **_: Any) -> dict[str, Any]:
        return {"Quotas": [{"QuotaName": name, "Value": value} for name, value in self.values.items()]}


class Account:
    """The services, and what a test does to calls."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.s3 = S3InMemory(self.clock)
        self.sagemaker = SageMakerInMemory(self.clock, self.s3)
        self.executions = ExecutionsInMemory(self.clock)
        self.topic = Topic()
        self.quotas = QuotasInMemory()
        self.calls: list[Call] = []
        self.before: list[Callable[[Call], None]] = []
        """Each sees a call before it is answered, and may raise ApiError or what botocore raises."""
        self.after: list[Callable[[Call], None]] = []
        """The same once the work is done: what it raises loses the answer."""
        self._lock = threading.RLock()
        self._services: dict[str, Any] = {
            "s3": self.s3,
            "sagemaker": self.sagemaker,
            "logs": LogsInMemory(self.clock, self.sagemaker),
            "stepfunctions": self.executions,
            "sns": self.topic,
            "cloudwatch": CloudWatchInMemory(),
            "pricing": PriceListInMemory(),
            "service-quotas": self.quotas,
        }

    def refuse(self, operation: str, code: str, message: str = "no", *, times: int = 1, status: int = 400) -> None:
        """Answer the next calls of an operation with this error; botocore's own tries are spent by then."""
        left = [times]

        def fault(call: Call) -> None:
            if call.operation == operation and left[0]:
                left[0] -= 1
                raise ApiError(code, message, status)

        self.before.append(fault)

    def answer(self, call: Call) -> dict[str, Any]:
        with self._lock:
            self.calls.append(call)
            for look in self.before:
                look(call)
            answer: dict[str, Any] = getattr(self._services[call.service], xform_name(call.operation))(
                **call.parameters
            )
            for look in self.after:
                look(call)
            return answer


_open: list[Account] = []
"""The account that the clients reach: the last one."""


def connect(account: Account) -> Callable[..., Any]:
    """What takes the place of boto3.client: clients, made once, whose calls `account` answers from now on."""
    _open[:] = [account]

    def client(service: str, *, config: Config, region_name: str = REGION) -> Any:
        return _client(service, config, region_name)

    return client


@dataclass(frozen=True)
class _Response:
    status_code: int
    headers: Any = None


@cache
def _client(service: str, config: Config, region: str) -> Any:
    session = boto3.Session(region_name=region, aws_access_key_id="test", aws_secret_access_key="test")  # noqa: S106
    made = session.client(service, config=config)  # type: ignore[call-overload]

    def remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["given"] = dict(params)

    def reply(model: Any, context: dict[str, Any], **_: Any) -> tuple[_Response, dict[str, Any]]:
        try:
            answer = _open[0].answer(Call(service, model.name, context["given"], made.meta.config))
        except ApiError as error:
            given = {"Error": {"Code": error.code, "Message": str(error)}}
            return _Response(error.status), given | {"ResponseMetadata": {"HTTPStatusCode": error.status}}
        return _Response(200), answer | {"ResponseMetadata": {"HTTPStatusCode": 200}}

    made.meta.events.register_first("before-parameter-build", remember)
    made.meta.events.register("before-call", reply)
    return made
