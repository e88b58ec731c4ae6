"""Faults of ministack's services that a test switches on: they look as on AWS, and end when the test says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

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
