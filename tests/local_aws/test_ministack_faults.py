"""Faults of ministack's services that a test switches on: they look as on AWS, and end when the test says so."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import BUCKET, SECONDS, Account, eventually
from tests.local_aws.test_ministack import create_function

# Says that it has begun, and waits until it may end.
PATIENT = """
import time
import boto3
def handler(event, context):
    s3 = boto3.client("s3")
    s3.put_object(Bucket="training", Key=f"{event['name']}/begun/{context.aws_request_id}", Body=b"")
    while not s3.list_objects_v2(Bucket="training", Prefix=f"{event['name']}/go")["KeyCount"]:
        time.sleep(0.02)
"""
ARN = "arn:aws:lambda:us-east-1:000000000000:function"


@pytest.fixture(autouse=True)
def faultless_afterwards(account: Account) -> Iterator[None]:
    yield
    account.aws.faults.clear()


@pytest.fixture(scope="module")
def patient(account: Account) -> Any:
    return create_function(account.aws.environment, "patient", PATIENT)


def create_machine(account: Account, name: str, *states: dict[str, Any]) -> str:
    """A state machine of these states, one after another."""
    named = {
        f"S{number}": state | ({"Next": f"S{number + 1}"} if number + 1 < len(states) else {"End": True})
        for number, state in enumerate(states)
    }
    arn: str = account.client("stepfunctions").create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "S0", "States": named}),
        roleArn="arn:aws:iam::000000000000:role/any",
    )["stateMachineArn"]
    return arn


def start(account: Account, machine: str, **state: Any) -> str:
    arn: str = account.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(state))[
        "executionArn"
    ]
    return arn


def ended(account: Account, arn: str) -> dict[str, Any]:
    """Its description once it has ended."""
    machines = account.client("stepfunctions")
    eventually(lambda: machines.describe_execution(executionArn=arn)["status"] != "RUNNING", "it has ended")
    return dict(machines.describe_execution(executionArn=arn))


def allow(account: Account, name: str) -> None:
    account.client("s3").put_object(Bucket=BUCKET, Key=f"{name}/go", Body=b"")


def test_a_fault_that_there_is_not_is_refused(account: Account) -> None:
    with pytest.raises(TypeError, match="concurrency"):
        account.aws.faults.switch(concurrency=10)


def test_a_function_beyond_the_limit_of_concurrent_ones_is_refused(account: Account, patient: Any) -> None:
    account.aws.faults.switch(lambda_concurrency=1)
    settings = account.client("lambda").get_account_settings()
    assert settings["AccountLimit"]["ConcurrentExecutions"] == 1
    first = threading.Thread(target=patient, args=[{"name": "limit"}])
    first.start()
    eventually(lambda: account.keys("limit/begun/"), "the first one runs")
    machine = create_machine(account, "throttled", {"Type": "Task", "Resource": f"{ARN}:patient"})
    refused = ended(account, start(account, machine, name="limit"))
    assert (refused["status"], refused["error"]) == ("FAILED", "Lambda.TooManyRequestsException")
    allow(account, "limit")
    first.join(SECONDS)
    assert ended(account, start(account, machine, name="limit"))["status"] == "SUCCEEDED"


def test_an_event_waits_for_its_function_to_be_free(account: Account, patient: Any) -> None:
    events = account.client("events")
    events.put_rule(Name="patient", EventPattern=json.dumps({"source": ["test.patient"]}))
    events.put_targets(Rule="patient", Targets=[{"Id": "t", "Arn": f"{ARN}:patient", "InputPath": "$.detail"}])
    account.aws.faults.switch(lambda_concurrency=1)
    entry = {"Source": "test.patient", "DetailType": "any", "Detail": json.dumps({"name": "queued"})}
    events.put_events(Entries=[entry, entry])
    eventually(lambda: account.keys("queued/begun/"), "one of the two runs")
    allow(account, "queued")
    eventually(lambda: len(account.keys("queued/begun/")) == 2, "the other one has run, too")


WAIT = {"Type": "Task", "Resource": f"{ARN}:patient"}
NEVER = {"Type": "Task", "Resource": f"{ARN}:no-such-function"}
LAG = 0.8  # longer than the calls between a change and the look at it


def test_executions_are_shown_as_they_were_a_while_ago(account: Account, patient: Any) -> None:
    machines = account.client("stepfunctions")
    machine = create_machine(account, "stale", WAIT)

    def listed(**only: str) -> list[tuple[str, str]]:
        found = machines.list_executions(stateMachineArn=machine, **only)["executions"]
        return [(item["executionArn"], item["status"]) for item in found]

    def shown() -> str:
        return str(machines.describe_execution(executionArn=arn)["status"])

    def is_shown_late(status: str, before: str) -> None:
        since = time.monotonic()
        assert (shown(), listed()) == (before, [(arn, before)])
        assert listed(statusFilter=status) == []
        eventually(lambda: shown() == status, "the change is shown")
        assert time.monotonic() - since > LAG / 2
        assert listed(statusFilter=status) == listed() == [(arn, status)]

    account.aws.faults.switch(stale_seconds=LAG)
    arn = start(account, machine, name="stale")
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        shown()
    assert listed() == []
    eventually(lambda: listed() == [(arn, "RUNNING")], "the execution is shown")
    machines.stop_execution(executionArn=arn)
    is_shown_late("ABORTED", before="RUNNING")
    machines.redrive_execution(executionArn=arn)
    assert machines.describe_execution(executionArn=arn)["redriveCount"] == 0
    is_shown_late("RUNNING", before="ABORTED")
    assert machines.describe_execution(executionArn=arn)["redriveCount"] == 1
    machines.stop_execution(executionArn=arn)
    account.aws.faults.clear()
    assert shown() == "ABORTED"
    allow(account, "stale")


def test_running_executions_are_listed_by_start_or_redrive_and_others_by_their_end(account: Account) -> None:
    machines = account.client("stepfunctions")
    machine = create_machine(account, "order", WAIT)
    first, second, third = (start(account, machine, name="order") for _ in range(3))

    def order() -> list[str]:
        found = machines.list_executions(stateMachineArn=machine)["executions"]
        return [item["executionArn"] for item in found]

    assert order() == [third, second, first]
    machines.stop_execution(executionArn=first)
    assert order() == [first, third, second]
    machines.stop_execution(executionArn=third)
    machines.redrive_execution(executionArn=first)
    assert order() == [first, third, second]
    allow(account, "order")


@pytest.fixture(scope="module")
def told(account: Account) -> Any:
    """What the events about an execution's end tell: their redriveCounts so far."""
    account.client("sqs").create_queue(QueueName="ends")
    url = account.client("sqs").get_queue_url(QueueName="ends")["QueueUrl"]
    pattern = {"source": ["aws.states"], "detail": {"status": ["FAILED"]}}
    account.client("events").put_rule(Name="ends", EventPattern=json.dumps(pattern))
    account.client("events").put_targets(
        Rule="ends", Targets=[{"Id": "t", "Arn": "arn:aws:sqs:us-east-1:000000000000:ends"}]
    )
    received: list[dict[str, Any]] = []

    def told_of(arn: str) -> list[int]:
        while messages := account.client("sqs").receive_message(QueueUrl=url).get("Messages"):
            for message in messages:
                account.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                received.append(json.loads(message["Body"])["detail"])
        return [detail["redriveCount"] for detail in received if detail["executionArn"] == arn]

    return told_of


def test_status_events_get_lost_come_late_or_twice(account: Account, told: Any) -> None:
    machine = create_machine(account, "ends", NEVER)
    faults = account.aws.faults
    faults.switch(drop_status_events=True)
    lost = start(account, machine)
    ended(account, lost)
    faults.clear()
    faults.switch(delay_status_events=LAG)
    late = start(account, machine)
    ended(account, late)
    assert told(late) == []
    faults.clear()
    faults.switch(double_status_events=True)
    account.client("stepfunctions").redrive_execution(executionArn=late)
    eventually(lambda: told(late) == [0, 1, 1] or told(late) == [1, 0, 1], "the late one and two others are told")
    assert told(lost) == []


@pytest.mark.parametrize(
    ("limit", "size", "error"),
    [({"history_limit": 4}, 1, "States.Runtime"), ({}, 256 * 1024, "States.DataLimitExceeded")],
    ids=["events", "bytes"],
)
def test_nothing_catches_a_limit(account: Account, limit: dict[str, int], size: int, error: str) -> None:
    create_function(account.aws.environment, error[7:], "def handler(event, context): return 'x' * event['size']")
    catching = {
        "Type": "Task",
        "Resource": f"{ARN}:{error[7:]}",
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "S1"}],
    }
    machine = create_machine(account, error[7:], catching, {"Type": "Pass"})
    assert ended(account, start(account, machine, size=256 * 1024 - 2))["status"] == "SUCCEEDED"
    account.aws.faults.switch(**limit)
    description = ended(account, start(account, machine, size=size))
    assert (description["status"], description["error"]) == ("FAILED", error)
    machines, arn = account.client("stepfunctions"), description["executionArn"]
    kinds = [event["type"] for event in machines.get_execution_history(executionArn=arn)["events"]]
    assert "TaskFailed" not in kinds
    assert kinds[-1] == "ExecutionFailed"
    assert description["redriveStatus"] == ("NOT_REDRIVABLE" if limit else "REDRIVABLE")
    if limit:
        assert len(kinds) == limit["history_limit"]
        with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
            machines.redrive_execution(executionArn=arn)


READER = """
import boto3
from botocore.config import Config
def handler(event, context):
    s3 = boto3.client("s3", config=Config(read_timeout=0.5))
    body = s3.get_object(Bucket="training", Key="body")["Body"]
    parts = []
    try:
        while part := body.read(1000):
            parts.append(part)
    except Exception as error:
        return [sum(map(len, parts)), type(error).__name__]
    return [sum(map(len, parts)), "whole"]
"""


def test_bodies_break_off_or_stall_when_a_function_reads_them(account: Account) -> None:
    read = create_function(account.aws.environment, "reader", READER)
    account.client("s3").put_object(Bucket=BUCKET, Key="body", Body=b"x" * 100_000)
    account.aws.faults.switch(break_bodies=1, stall_bodies=1)
    assert len(account.object("body")) == 100_000  # not a function's
    (size, error), _ = read({})
    assert size < 100_000
    assert error in ("IncompleteReadError", "ResponseStreamingError")
    (size, error), _ = read({})
    assert size < 100_000
    assert error == "ReadTimeoutError"
    assert read({}) == ([100_000, "whole"], False)
