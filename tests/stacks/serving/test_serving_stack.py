"""The serving stack: off unless asked for, one bounded function, and what tells when a plan gets no answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.template_text import readable
from tests.stacks.conftest import resources_of, synthesised
from tests.stacks.test_customer_key import KEY

Resources = dict[str, list[dict[str, Any]]]
BUCKET = "arn:aws:s3:::<FloorplanDino-DatasetBucketName>"


def only(resources: Resources, kind: str, name: str = "") -> dict[str, Any]:
    """The properties of the one of its kind; of several, of the one whose logical ID starts so."""
    (found,) = (each for each in resources[kind] if each["LogicalId"].startswith(name))
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_without_asking_there_is_one_stack_so_that_cdk_deploy_needs_no_name(assembly: Path) -> None:
    assert [path.name for path in assembly.glob("*.template.json")] == ["FloorplanDino.template.json"]


def test_the_pipelines_stack_differs_only_in_that_its_bucket_sends_events(assembly: Path, with_serving: Path) -> None:
    """So whichever is deployed next, no export is taken away that the serving stack uses."""
    off, on = (json.loads((each / "FloorplanDino.template.json").read_text()) for each in (assembly, with_serving))
    assert {output["Export"]["Name"] for output in off["Outputs"].values() if "Export" in output} == {
        "FloorplanDino-DatasetBucketName",
        "FloorplanDino-TopicArn",
    }
    (bucket,) = [name for name, each in on["Resources"].items() if "NotificationConfiguration" in each["Properties"]]
    sends = on["Resources"][bucket]["Properties"].pop("NotificationConfiguration")
    assert sends == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert off == on


def test_the_function_is_bounded_in_memory_time_and_number(resources: Resources) -> None:
    function = only(resources, "AWS::Lambda::Function")
    assert function["MemorySize"] == 3008, "the most of a new account"
    assert (function["Timeout"], function["ReservedConcurrentExecutions"]) == (300, 5)
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["x86_64"])
    assert only(resources, "AWS::Lambda::LayerVersion")["CompatibleArchitectures"] == ["x86_64"]
    assert {name: readable(value) for name, value in function["Environment"]["Variables"].items()} == {
        "BUCKET": "<FloorplanDino-DatasetBucketName>",
        "MODEL_PACKAGE_GROUP": "floorplan-dino",
        "MODEL_CHECK_SECONDS": "60",
    }


def test_each_new_plan_calls_it_and_whatever_fails_is_kept(resources: Resources) -> None:
    rule = only(resources, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert rule["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "plans/"}]}
    assert readable(rule["EventPattern"]["detail"]["bucket"]["name"][0]) == "<FloorplanDino-DatasetBucketName>"
    queue = readable(only(resources, "AWS::Lambda::Function")["DeadLetterConfig"]["TargetArn"])
    (target,) = rule["Targets"]
    assert queue == readable(target["DeadLetterConfig"]["Arn"]) == "<ServingDeadLetters.Arn>"
    assert only(resources, "AWS::SQS::Queue")["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_only_who_signs_may_call_the_url(resources: Resources) -> None:
    assert only(resources, "AWS::Lambda::Url")["AuthType"] == "AWS_IAM"
    for permission in resources["AWS::Lambda::Permission"]:
        assert permission["Properties"]["Principal"] == "events.amazonaws.com"
        assert readable(permission["Properties"]["SourceArn"]) == "<PlanEventsNewPlan.Arn>"


def test_a_person_hears_of_failures_throttling_and_dead_letters(resources: Resources) -> None:
    alarms = {each["Properties"]["MetricName"]: each["Properties"] for each in resources["AWS::CloudWatch::Alarm"]}
    assert set(alarms) == {
        "Errors",
        "Url5xxCount",
        "Throttles",
        "ApproximateNumberOfMessagesVisible",
        "ExecutionsFailed",
    }
    for alarm in alarms.values():
        assert [readable(action) for action in alarm["AlarmActions"]] == ["<FloorplanDino-TopicArn>"]


def statements(policy: dict[str, Any]) -> set[tuple[frozenset[str], frozenset[str], str]]:
    """Actions, resources and condition of each."""
    found = set()
    for each in policy["PolicyDocument"]["Statement"]:
        actions, targets = ([v] if isinstance(v, str | dict) else v for v in (each["Action"], each["Resource"]))
        condition = str(each.get("Condition", ""))
        found.add((frozenset(actions), frozenset(readable(target) for target in targets), condition))
    return found


def allow(*actions: str, on: set[str], when: str = "") -> tuple[frozenset[str], frozenset[str], str]:
    return frozenset(actions), frozenset(on), when


def test_the_function_may_do_exactly_what_it_calls(resources: Resources) -> None:
    registry = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
    assert statements(only(resources, "AWS::IAM::Policy", "ServingRole")) == {
        allow("logs:CreateLogStream", "logs:PutLogEvents", on={"<ServingLogs.Arn>"}),
        allow("sagemaker:ListModelPackages", "xray:PutTelemetryRecords", "xray:PutTraceSegments", on={"*"}),
        allow("sqs:SendMessage", on={"<ServingDeadLetters.Arn>"}),
        allow(
            "s3:ListBucket",
            on={BUCKET},
            when="{'StringLike': {'s3:prefix': ['plans/*', 'batches/plans/*', 'training-jobs/*']}}",
        ),
        allow(
            "s3:GetObject",
            on={f"{BUCKET}/plans/*", f"{BUCKET}/batches/plans/*", f"{BUCKET}/training-jobs/*/output/model.tar.gz"},
        ),
        allow("s3:PutObject", on={f"{BUCKET}/predictions/*"}),
        allow("sagemaker:DescribeModelPackage", on={f"{registry}/floorplan-dino/*"}),
    }


def test_callers_may_bring_plans_and_read_answers_and_nothing_else(resources: Resources) -> None:
    policy = only(resources, "AWS::IAM::ManagedPolicy", "CallersPolicy")
    assert not {"Users", "Groups", "Roles"} & set(policy)
    function = {"<ServingFunction.Arn>"}
    assert statements(policy) == {
        allow("lambda:InvokeFunctionUrl", on=function),
        allow("lambda:InvokeFunction", on=function, when="{'Bool': {'lambda:InvokedViaFunctionUrl': 'true'}}"),
        allow("s3:ListBucket", on={BUCKET}, when="{'StringLike': {'s3:prefix': ['plans/*', 'predictions/*']}}"),
        allow("s3:PutObject", on={f"{BUCKET}/plans/*"}),
        allow("s3:GetObject", on={f"{BUCKET}/plans/*", f"{BUCKET}/predictions/*"}),
    }


def test_with_a_customers_key_all_may_use_it_through_s3_and_nothing_is_reserved_if_so_configured(
    tmp_path: Path,
) -> None:
    (tmp_path / "wheels").mkdir()
    out = synthesised(tmp_path / "out", tmp_path / "wheels", serving="true", kms_key_arn=KEY, serving_concurrency="0")
    with_key = resources_of(json.loads((out / "FloorplanDino-Serving.template.json").read_text()))
    via_s3 = {"StringEquals": {"kms:ViaService": {"Fn::Join": ["", ["s3.us-east-1.", {"Ref": "AWS::URLSuffix"}]]}}}
    policies = with_key["AWS::IAM::Policy"] + with_key["AWS::IAM::ManagedPolicy"]
    assert len(policies) == 4
    for policy in policies:
        use = allow("kms:Decrypt", "kms:GenerateDataKey", on={KEY}, when=str(via_s3))
        assert use in statements(policy["Properties"])
    assert "ReservedConcurrentExecutions" not in only(with_key, "AWS::Lambda::Function")


@pytest.mark.parametrize(
    "name",
    [
        "ServingUrl",
        "DeadLettersUrl",
        "CallerPolicyArn",
        "ServingFunctionName",
        "BatchStateMachineArn",
        "BatchConcurrency",
        "BatchCallerPolicyArn",
    ],
)
def test_the_outputs_tell_where_plans_go(template: dict[str, Any], name: str) -> None:
    assert name in template["Outputs"]
