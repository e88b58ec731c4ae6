"""A run's end is told once, whoever dies on the way, and rather twice than never."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pipeline.ending.finished_execution import FinishedExecution
from pipeline.ending.message_delivery import send_once
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.job.cost import JobsCost

from tests.pipeline.conftest import context


class Killed(BaseException):
    """The function's process is gone: nothing of it runs any more."""


class Services:
    """A topic and a bucket in memory; `before` is called with each operation's name, `after` once it is done."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str], None] = lambda _: None

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> dict[str, str]:
        self.before("publish")
        self.sent.append(Message)
        self.after("publish")
        return {"MessageId": str(len(self.sent))}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str = "") -> None:
        self.before("put_object")
        self.objects[Key] = Body
        self.after("put_object")

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        self.before("list_objects_v2")
        found = [{"Key": key, "Size": len(body)} for key, body in self.objects.items() if key.startswith(Prefix)]
        return {"Contents": found} if found else {}

    def send(self, *, only_if_filed: bool = False, **more: Any) -> None:
        services: Any = self
        finished = FinishedExecution(
            execution=Execution.from_context(context(**more)),
            ended=datetime(2026, 11, 20, 12, tzinfo=UTC),
            failure=None,
            cost=JobsCost(usd=0, billable_seconds=0, training_seconds=0, price_source="", is_final=True),
        )
        send_once(
            services, services, topic_arn="topic", bucket="bucket", finished=finished, only_if_filed=only_if_filed
        )


@pytest.fixture
def services() -> Services:
    return Services()


def dies(at: str) -> Callable[[str], None]:
    def strike(operation: str) -> None:
        if operation == at:
            raise Killed

    return strike


def refuses(operation: str, code: str) -> Callable[[str], None]:
    def strike(called: str) -> None:
        if called == operation:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    return strike


def nothing(_: str) -> None:
    return


def test_the_message_is_sent_and_filed_beside_the_report(services: Services) -> None:
    services.send()
    ((key, body),) = services.objects.items()
    assert key == f"reports/{context()['Name']}/message-20261120T100000Z-0.json"
    assert json.loads(body)["message"] == services.sent[0]
    assert json.loads(body)["subject"].startswith("floorplan-dino succeeded")


def test_a_second_call_for_the_same_end_sends_nothing(services: Services) -> None:
    services.send()
    services.send(StartTime="2026-11-20T10:00:00.999Z")  # DescribeExecution gives other fractions of the second
    assert len(services.sent) == 1


@pytest.mark.parametrize("more", [{"RedriveCount": 1}, {"StartTime": "2027-03-01T10:00:00.123Z"}])
def test_another_end_of_the_same_name_is_told_of(services: Services, more: dict[str, Any]) -> None:
    """After a redrive, and of another execution that got the name again."""
    services.send()
    services.send(**more)
    assert len(services.sent) == 2


@pytest.mark.parametrize(
    ("moment", "at", "messages"),
    [
        ("before", "list_objects_v2", 1),
        ("before", "publish", 1),
        ("after", "publish", 2),  # sent but not filed: nobody can know
        ("before", "put_object", 2),
        ("after", "put_object", 1),
    ],
)
def test_whoever_dies_is_followed_by_one_that_tells_it_once_more_only_if_nobody_can_know(
    services: Services, moment: str, at: str, messages: int
) -> None:
    setattr(services, moment, dies(at))
    with pytest.raises(Killed):
        services.send()
    setattr(services, moment, nothing)
    services.send()
    services.send()
    assert len(services.sent) == messages


@pytest.mark.parametrize("code", ["ThrottledException", "KMSThrottling"])
def test_a_topic_that_is_busy_is_tried_again_by_the_state_machine(services: Services, code: str) -> None:
    services.before = refuses("publish", code)
    with pytest.raises(AwsUnavailable):
        services.send()
    assert services.objects == {}, "what was not sent is not filed"


@pytest.mark.parametrize(
    ("operation", "code"), [("list_objects_v2", "AccessDenied"), ("put_object", "AccessDenied"), ("put_object", "503")]
)
def test_a_bucket_that_refuses_keeps_no_message_back(services: Services, operation: str, code: str) -> None:
    services.before = refuses(operation, code)
    services.send()
    assert len(services.sent) == 1


def test_whoever_comes_again_and_again_sends_nothing_that_cannot_be_filed(services: Services) -> None:
    """As under a key that is disabled: each sweep would send it once more."""
    services.before = refuses("put_object", "KMS.DisabledException")
    with pytest.raises(ClientError):
        services.send(only_if_filed=True)
    assert services.sent == []
    services.before = dies("publish")
    with pytest.raises(Killed):
        services.send(only_if_filed=True)
    services.before = nothing
    services.send(only_if_filed=True)
    services.send(only_if_filed=True)
    assert len(services.sent) == 1
