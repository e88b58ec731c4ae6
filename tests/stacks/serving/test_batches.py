"""The state machine of batches: each plan by itself, within the function's concurrency; its rights and its callers'."""

from __future__ import annotations

from typing import Any

import pytest

from app import PIPELINE, SERVING
from runs import deployed_stack
from stacks.serving.batches import plans_at_a_time
from stacks.template_text import readable
from tests.stacks.serving.test_serving_stack import BUCKET, Resources, allow, only, statements

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:FloorplanDino-Serving-Batches"
EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:FloorplanDino-Serving-Batches:*"
PLANS = "arn:aws:states:us-east-1:123456789012:execution:FloorplanDino-Serving-Batches/Plans:*"
MAP_RUNS = "arn:aws:states:us-east-1:123456789012:mapRun:FloorplanDino-Serving-Batches/Plans:*"


def test_the_map_reads_its_plans_from_the_bucket_and_writes_what_became_of_them(batches: dict[str, Any]) -> None:
    assert batches["StartAt"] == "PredictPlans"
    (plans,) = batches["States"].values()
    assert (plans["Type"], plans["Label"], plans["End"]) == ("Map", "Plans", True)
    assert plans["ItemReader"] == {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "<FloorplanDino-DatasetBucketName>", "Key.$": "$.plans"},
    }
    assert plans["ResultWriter"] == {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "<FloorplanDino-DatasetBucketName>", "Prefix": "batches/results"},
    }
    assert plans["ToleratedFailurePercentage"] == 100, "a plan that fails leaves the others alone"
    # An EXPRESS child would end after five minutes, which one try may take.
    assert plans["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def test_each_plan_waits_for_its_turn_and_a_crash_is_tried_once_more(batches: dict[str, Any]) -> None:
    (predict,) = batches["States"]["PredictPlans"]["ItemProcessor"]["States"].values()
    assert readable(predict["Resource"]) == "<ServingFunction.Arn>"
    assert predict["TimeoutSeconds"] == 330
    patient, crashed = predict["Retry"]
    assert "Lambda.TooManyRequestsException" in patient["ErrorEquals"]
    assert patient["MaxAttempts"] * patient["MaxDelaySeconds"] / 2 >= 3600 - 60, "an hour, with pauses drawn at random"
    assert patient["JitterStrategy"] == crashed["JitterStrategy"] == "FULL"
    assert "Sandbox.Timedout" in crashed["ErrorEquals"]
    assert crashed["MaxAttempts"] == 1
    assert not any("States.ALL" in retry["ErrorEquals"] for retry in predict["Retry"]), "a refusal is no use repeating"


@pytest.mark.parametrize(("concurrency", "at_a_time"), [(5, 4), (1, 1), (2, 1), (0, 5), (100, 99)])
def test_a_batch_leaves_one_function_to_plans_that_come_alone(concurrency: int, at_a_time: int) -> None:
    assert plans_at_a_time(concurrency) == at_a_time


def test_the_template_follows_the_functions_concurrency(batches: dict[str, Any], template: dict[str, Any]) -> None:
    assert batches["States"]["PredictPlans"]["MaxConcurrency"] == 4
    assert template["Outputs"]["BatchConcurrency"]["Value"] == "4"


def test_the_state_machine_may_do_exactly_what_it_does(resources: Resources) -> None:
    delivery = (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    )
    xray = ("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments")
    parts = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
    children = ("states:DescribeExecution", "states:RedriveExecution", "states:StopExecution")
    assert statements(only(resources, "AWS::IAM::Policy", "BatchesRole")) == {
        allow("lambda:InvokeFunction", on={"<ServingFunction.Arn>"}),
        allow("s3:GetObject", on={f"{BUCKET}/batches/lists/*"}),
        allow(*parts, on={f"{BUCKET}/batches/results/*"}),
        allow("states:StartExecution", on={MACHINE}),
        allow(*children, on={EXECUTIONS, PLANS}),
        allow(*delivery, *xray, on={"*"}),
    }


def test_who_starts_batches_may_do_that_and_read_the_answers(resources: Resources) -> None:
    policy = only(resources, "AWS::IAM::ManagedPolicy", "CallersBatchPolicy")
    assert not {"Users", "Groups", "Roles"} & set(policy)
    stacks = "arn:aws:cloudformation:us-east-1:123456789012:stack"
    registry = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
    assert statements(policy) == {
        allow("cloudformation:DescribeStacks", on={f"{stacks}/FloorplanDino/*", f"{stacks}/FloorplanDino-Serving/*"}),
        allow("sagemaker:ListModelPackages", on={"*"}),
        allow("sagemaker:DescribeModelPackage", on={f"{registry}/floorplan-dino/*"}),
        allow("s3:ListBucket", on={BUCKET}, when="{'StringLike': {'s3:prefix': ['plans/*', 'predictions/*']}}"),
        allow("s3:GetObject", on={f"{BUCKET}/plans/*", f"{BUCKET}/predictions/*"}),
        allow("s3:PutObject", on={f"{BUCKET}/batches/plans/*", f"{BUCKET}/batches/lists/*"}),
        allow("states:ListExecutions", "states:StartExecution", on={MACHINE}),
        allow("states:DescribeExecution", "states:ListMapRuns", "states:StopExecution", on={EXECUTIONS}),
        allow("states:DescribeExecution", on={PLANS}),
        allow("states:DescribeMapRun", "states:ListExecutions", on={MAP_RUNS}),
    }


def test_the_command_looks_for_the_stack_that_the_app_deploys() -> None:
    assert (deployed_stack.STACK, deployed_stack.STACK + deployed_stack.SERVING) == (PIPELINE, SERVING)
