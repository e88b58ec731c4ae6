"""EventBridge through CloudFormation, as the pipeline uses it: new objects start executions, aborted ones are told."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from tests.local_aws.conftest import BUCKET, Account, eventually

# Keeps the event that it gets.
KEEP = """
import json
import boto3
def handler(event, context):
    boto3.client("s3").put_object(
        Bucket="training", Key=f"events/{event['detail']['name']}", Body=json.dumps(event).encode())
"""


def trusting(*services: str) -> dict[str, Any]:
    principal = {"Service": [f"{service}.amazonaws.com" for service in services]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def rule(pattern: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern, "Targets": [{"Id": "t"} | target]}}


ROLE_ARN = {"Fn::GetAtt": ["Role", "Arn"]}
FUNCTION_ARN = {"Fn::GetAtt": ["Keep", "Arn"]}
# Waits for a token that nobody sends.
ENDLESS = {
    "StartAt": "Endless",
    "States": {
        "Endless": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "http://127.0.0.1/000000000000/tokens", "MessageBody.$": "$$.Task.Token"},
            "End": True,
        }
    },
}
NOTIFYING = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": trusting("lambda", "states", "events")},
        },
        "Uploads": {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": NOTIFYING}},
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"RoleArn": ROLE_ARN, "DefinitionString": json.dumps(ENDLESS)},
        },
        "Keep": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": ROLE_ARN,
                "Code": {"S3Bucket": BUCKET, "S3Key": "keep.zip"},
            },
        },
        "NewManifest": rule(
            {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [{"Ref": "Uploads"}]},
                    "object": {"key": [{"suffix": "/manifest.json"}]},
                },
            },
            {"Arn": {"Ref": "Machine"}, "RoleArn": ROLE_ARN, "Input": '{"started": "by an event"}'},
        ),
        "Aborted": rule(
            {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"stateMachineArn": [{"Ref": "Machine"}], "status": ["ABORTED", "TIMED_OUT"]},
            },
            {"Arn": FUNCTION_ARN},
        ),
        "MayInvoke": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": FUNCTION_ARN,
                "Principal": "events.amazonaws.com",
                "SourceArn": {"Fn::GetAtt": ["Aborted", "Arn"]},
            },
        },
    }
}


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    """The physical names of the deployed template's resources."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", KEEP)
    account.client("s3").put_object(Bucket=BUCKET, Key="keep.zip", Body=package.getvalue())
    account.client("sqs").create_queue(QueueName="tokens")
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName="events", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="events", WaiterConfig={"Delay": 1})
    resources = cloudformation.describe_stack_resources(StackName="events")["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def test_a_new_manifest_starts_an_execution_and_stopping_it_is_told(account: Account, stack: dict[str, str]) -> None:
    machines = account.client("stepfunctions")

    def executions() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = machines.list_executions(stateMachineArn=stack["Machine"])["executions"]
        return found

    for key in ("dino-data/image.png", "dino-data/manifest.json"):
        account.client("s3").put_object(Bucket=stack["Uploads"], Key=key, Body=b"x")
    eventually(executions, "an execution has been started")
    (execution,) = executions()
    arn, name = execution["executionArn"], execution["name"]
    description = machines.describe_execution(executionArn=arn)
    assert json.loads(description["input"]) == {"started": "by an event"}
    eventually(lambda: len(machines.get_execution_history(executionArn=arn)["events"]) > 1, "it has begun")
    machines.stop_execution(executionArn=arn, error="Stopped", cause="by hand")
    eventually(lambda: account.keys(f"events/{name}"), "the function has got an event")
    detail = json.loads(account.object(f"events/{name}"))["detail"]
    assert (detail["status"], detail["executionArn"]) == ("ABORTED", arn)
    assert (detail["redriveCount"], detail["redriveStatus"]) == (0, "REDRIVABLE")
    # Redriven and stopped again: the second event says so.
    machines.redrive_execution(executionArn=arn)
    machines.stop_execution(executionArn=arn)
    eventually(
        lambda: json.loads(account.object(f"events/{name}"))["detail"]["redriveCount"] == 1,
        "the function has got a second event",
    )
