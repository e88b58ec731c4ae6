"""RedriveExecution, which ministack lacks: a failed execution goes on where it failed, with what it had."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import BUCKET, Account, eventually
from tests.local_aws.test_ministack import create_function

# Counts its calls in the bucket, and fails until an object allows it to go on.
STEP = """
import json
import boto3
class NotYet(Exception):
    pass
def handler(event, context):
    s3 = boto3.client("s3")
    key = f"{event['name']}/calls/{event['step']}-{context.aws_request_id}"
    s3.put_object(Bucket="training", Key=key, Body=json.dumps(event).encode())
    if event["step"] == "second" and not s3.list_objects_v2(Bucket="training", Prefix=f"{event['name']}/go")["KeyCount"]:
        raise NotYet("second is not ready")
    return {"from": event["step"]}
"""  # noqa: E501
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:step"


def task(step: str, **more: Any) -> dict[str, Any]:
    parameters = {"step": step, "name.$": "$.name", "before.$": "$", "execution.$": "$$.Execution"}
    return {"Type": "Task", "Resource": FUNCTION, "Parameters": parameters, "ResultPath": f"$.{step}"} | more


DEFINITION = {
    "StartAt": "First",
    "States": {
        "First": task("first", Next="Second"),
        "Second": task("second", Next="Third"),
        "Third": task("third", End=True),
    },
}


class Machine:
    """A state machine whose executions can be followed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.client = account.client("stepfunctions")
        self.arn = self.client.create_state_machine(
            name="redriven", definition=json.dumps(DEFINITION), roleArn="arn:aws:iam::000000000000:role/any"
        )["stateMachineArn"]

    def start(self, *, allowed: bool = False) -> tuple[str, str]:
        """Name (which is its prefix in the bucket) and ARN of a new execution, which fails unless it is `allowed`."""
        name = f"execution-{next(self._account.names)}"
        if allowed:
            self.allow(name)
        started = self.client.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps({"name": name}))
        return name, started["executionArn"]

    def ended(self, arn: str) -> dict[str, Any]:
        eventually(lambda: self.client.describe_execution(executionArn=arn)["status"] != "RUNNING", "it has ended")
        description: dict[str, Any] = self.client.describe_execution(executionArn=arn)
        return description

    def allow(self, name: str) -> None:
        self._account.client("s3").put_object(Bucket=BUCKET, Key=f"{name}/go", Body=b"")

    def calls(self, name: str) -> list[dict[str, Any]]:
        """What the function got, sorted by step."""
        keys = sorted(self._account.keys(f"{name}/calls/"))
        return [json.loads(self._account.object(key)) for key in keys]


@pytest.fixture(scope="module")
def machine(account: Account) -> Machine:
    create_function(account.aws.environment, "step", STEP)
    return Machine(account)


def test_a_redriven_execution_goes_on_at_the_failed_state_with_its_input(machine: Machine) -> None:
    name, arn = machine.start()
    failed = machine.ended(arn)
    assert (failed["status"], failed["error"]) == ("FAILED", "NotYet")
    assert (failed["redriveCount"], failed["redriveStatus"]) == (0, "REDRIVABLE")
    machine.allow(name)
    machine.client.redrive_execution(executionArn=arn)
    done = machine.ended(arn)
    assert done["status"] == "SUCCEEDED"
    assert "error" not in done
    assert (done["redriveCount"], done["redriveStatus"]) == (1, "NOT_REDRIVABLE")
    assert json.loads(done["output"]) == {
        "name": name,
        "first": {"from": "first"},
        "second": {"from": "second"},
        "third": {"from": "third"},
    }
    calls = machine.calls(name)
    assert [call["step"] for call in calls] == ["first", "second", "second", "third"]
    assert calls[1]["before"] == calls[2]["before"] == {"name": name, "first": {"from": "first"}}
    assert sorted(call["execution"].get("RedriveCount", 0) for call in calls) == [0, 0, 1, 1]
    assert {call["execution"]["Id"] for call in calls} == {arn}


def test_an_execution_can_fail_again_and_be_redriven_again(machine: Machine) -> None:
    name, arn = machine.start()
    machine.ended(arn)
    for count in (1, 2):
        machine.client.redrive_execution(executionArn=arn)
        failed = machine.ended(arn)
        assert (failed["status"], failed["redriveCount"]) == ("FAILED", count)
    assert [call["step"] for call in machine.calls(name)] == ["first", "second", "second", "second"]


def test_an_aborted_execution_walks_once_after_its_redrive(machine: Machine) -> None:
    name, arn = machine.start()
    machine.client.stop_execution(executionArn=arn, error="Stopped", cause="by hand")
    assert machine.client.describe_execution(executionArn=arn)["status"] == "ABORTED"
    machine.allow(name)
    machine.client.redrive_execution(executionArn=arn)
    assert machine.ended(arn)["status"] == "SUCCEEDED"
    steps = [call["step"] for call in machine.calls(name)]
    # What ran when it was stopped may have come to its end, as on AWS.
    assert steps[-2:] == ["second", "third"]
    assert steps.count("second") == 1


def test_an_execution_that_succeeded_cannot_be_redriven(machine: Machine) -> None:
    _, arn = machine.start(allowed=True)
    assert machine.ended(arn)["status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match=r"\(ExecutionNotRedrivable\).*SUCCEEDED"):
        machine.client.redrive_execution(executionArn=arn)
    with pytest.raises(ClientError, match=r"\(ExecutionDoesNotExist\)"):
        machine.client.redrive_execution(executionArn=f"{arn}-other")


def test_the_same_client_token_redrives_once(machine: Machine) -> None:
    _, arn = machine.start()
    machine.ended(arn)
    dates = {machine.client.redrive_execution(executionArn=arn, clientToken="t" * 8)["redriveDate"] for _ in range(2)}
    assert len(dates) == 1
    assert machine.ended(arn)["redriveCount"] == 1
