"""Every statement of the managed policies for people: a new or wider one must be written down here."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from pipeline.settings import Defaults, LaunchSettings

from runs.doctor.examination import FIRST, THEN
from runs.doctor.template import Template
from tests.stacks.statements import (
    BUCKET,
    EXECUTIONS,
    JOBS,
    MACHINE,
    PACKAGES,
    TRAINING_LOGS,
    Resources,
    allow,
    statement_of,
)

STACKS = "arn:aws:cloudformation:us-east-1:123456789012:stack"

UPLOADERS = {
    allow(
        "s3:ListBucket",
        on=BUCKET,
        when="{'StringLikeIfExists': {'s3:prefix': ['dino-data*', 'pretrained/*', 'baselines/*']}}",
    ),
    allow(
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:PutObject",
        on={f"{BUCKET}/dino-data*", f"{BUCKET}/pretrained/*", f"{BUCKET}/baselines/*"},
    ),
    allow("s3:DeleteObject", on={f"{BUCKET}/dino-data*", f"{BUCKET}/baselines/*"}),
}
OPERATORS = {
    allow(
        "cloudformation:DescribeStacks",
        "cloudformation:GetTemplate",
        "cloudformation:ListStackResources",
        on=f"{STACKS}/FloorplanDino/*",
    ),
    allow("cloudformation:DescribeStacks", on=f"{STACKS}/FloorplanDino-Serving/*"),
    allow("ecr:BatchGetImage", on="arn:aws:ecr:us-east-1:763104351884:repository/pytorch"),
    allow("iam:SimulatePrincipalPolicy", on="arn:aws:iam::123456789012:role/FloorplanDino-*"),
    allow(
        "lambda:GetAccountSettings",
        "pricing:GetProducts",
        "sagemaker:ListModelPackages",
        "servicequotas:ListServiceQuotas",
        on="*",
    ),
    allow("sns:GetTopicAttributes", on="<NotificationsTopic>"),
    allow("states:ListExecutions", "states:StartExecution", on="<PipelineStateMachine>"),
    allow(
        "states:DescribeExecution",
        "states:GetExecutionHistory",
        "states:RedriveExecution",
        "states:StopExecution",
        on=EXECUTIONS,
    ),
    allow("sagemaker:DescribeTrainingJob", on=JOBS),
    allow("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage", on=PACKAGES),
    allow("logs:DescribeLogStreams", "logs:GetLogEvents", on=TRAINING_LOGS),
    allow(
        "s3:ListBucket",
        on=BUCKET,
        when="{'StringLike': {'s3:prefix': ['reports/*', 'checkpoints/*', 'dino-data*', 'pretrained/']}}",
    ),
    allow(
        "s3:GetObject",
        on={
            f"{BUCKET}/{objects}"
            for objects in (
                "dino-data*",
                "reports/*",
                "training-jobs/*/output/model.tar.gz",
                "checkpoints/*/health.json",
                "checkpoints/*/history.jsonl",
                "checkpoints/*/metrics.json",
                "checkpoints/*/pictures/*",
                "checkpoints/*/tensorboard/*",
            )
        },
    ),
}


def test_uploaders_and_operators_may_do_this_and_nobody_is_one_by_deployment(resources: Resources) -> None:
    found = {
        policy["LogicalId"][:-8]: {statement_of(each) for each in policy["Properties"]["PolicyDocument"]["Statement"]}
        for policy in resources["AWS::IAM::ManagedPolicy"]
    }
    assert found == {"PeopleUploaders": UPLOADERS, "PeopleOperators": OPERATORS}
    for policy in resources["AWS::IAM::ManagedPolicy"]:
        assert not {"Users", "Groups", "Roles"} & set(policy["Properties"])


def test_operators_may_look_at_all_that_the_doctor_looks_at() -> None:
    allowed = {action for actions, _, _ in OPERATORS for action in actions} | {"sts:GetCallerIdentity"}  # everybody's
    assert {action for check in (*FIRST, *THEN) for action in check.needs} <= allowed


def test_the_doctor_reads_each_policy_and_setting_of_the_template(template: dict[str, Any]) -> None:
    arns = {"AWS::StepFunctions::StateMachine": MACHINE, "AWS::SNS::Topic": "arn:aws:sns:us-east-1:123456789012:topic"}
    names = {logical_id: arns.get(each["Type"], "name") for logical_id, each in template["Resources"].items()}
    read = Template(template, physical_ids=names, account="123456789012", partition="aws", region="us-east-1")
    policies = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::IAM::Policy"]
    grants = list(read.grants())
    assert len(grants) == sum(len(policy["PolicyDocument"]["Statement"]) for policy in policies)
    assert all(resource == "*" or resource.startswith("arn:aws:") for g in grants for resource in g.resources)
    for step, settings in (("resolve", Defaults), ("launch", LaunchSettings)):
        assert settings.from_environment(read.environment_of(f"pipeline.steps.{step}.handler"))


@pytest.mark.parametrize("folder", ["training-code/", "locks/", "runs/", "training-jobs/", "reports/", "checkpoints/"])
def test_people_can_write_neither_code_nor_records_nor_models(resources: Resources, folder: str) -> None:
    for policy in resources["AWS::IAM::ManagedPolicy"]:
        for actions, objects, _ in map(statement_of, policy["Properties"]["PolicyDocument"]["Statement"]):
            if any(action.startswith(("s3:Put", "s3:Delete", "s3:*")) for action in actions):
                assert not any(fnmatchcase(f"{BUCKET}/{folder}x", pattern) for pattern in objects)
