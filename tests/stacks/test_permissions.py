"""Every statement of every role: a new or wider one must be written down here."""

import json
from pathlib import Path

import pytest

from app import PIPELINE, SERVING
from stacks.template_text import readable
from tests.stacks.conftest import resources_of
from tests.stacks.statements import (
    BUCKET,
    EXECUTIONS,
    JOBS,
    MACHINE,
    PACKAGES,
    TRAINING_LOGS,
    Resources,
    Statement,
    allow,
    statement_of,
)

EXECUTIONS_OF_MAPS = "arn:aws:states:us-east-1:123456789012:execution:<PipelineStateMachine>[6]"
TRACES: Statement = (
    frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"}),
    frozenset({"*"}),
    "{}",
)


def own_log(step: str) -> Statement:
    return allow("logs:CreateLogStream", "logs:PutLogEvents", on=f"<Functions{step}Logs.Arn>")


LOCKS_LISTED = allow("s3:ListBucket", on=BUCKET, when="{'StringLike': {'s3:prefix': ['locks/*']}}")
OWN_METRICS = allow(
    "cloudwatch:PutMetricData", on="*", when="{'StringEquals': {'cloudwatch:namespace': 'FloorplanDino'}}"
)
GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/floorplan-dino"
PULL = allow(
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    on="arn:aws:ecr:us-east-1:763104351884:repository/pytorch",
)
LIST_JOBS = allow("sagemaker:ListTrainingJobs", "xray:PutTelemetryRecords", "xray:PutTraceSegments", on="*")
"""Merged by CDK with what traces need, since none of them knows resources."""
STOP = allow("sagemaker:DescribeTrainingJob", "sagemaker:ListTags", "sagemaker:StopTrainingJob", on=JOBS)
VALIDATION = {
    TRACES,
    allow("s3:ListBucket", on=BUCKET, when="{'StringLike': {'s3:prefix': ['dino-data*']}}"),
    allow("s3:GetObject", on=f"{BUCKET}/dino-data*"),
    allow("s3:GetObject", "s3:PutObject", on=f"{BUCKET}/reports/*"),
}
LOOK = allow("states:DescribeExecution", on=EXECUTIONS)
LOCK = {LOCKS_LISTED, allow("s3:GetObject", "s3:PutObject", on=f"{BUCKET}/locks/*"), LOOK}
ENDING = {
    TRACES,
    STOP,
    allow("s3:ListBucket", on=BUCKET, when="{'StringLike': {'s3:prefix': ['locks/*', 'reports/*']}}"),
    allow("s3:GetObject", "s3:DeleteObject", on=f"{BUCKET}/locks/*"),
    allow("s3:PutObject", on=f"{BUCKET}/reports/*/message-*.json"),
    allow("sns:Publish", on="<NotificationsTopic>"),
    allow("kms:Decrypt", "kms:GenerateDataKey*", on="<NotificationsKey.Arn>"),
    OWN_METRICS,
}
TASKS = (
    "Resolve",
    "Lock",
    "Validate",
    "CheckImages",
    "MergeChecks",
    "Quote",
    "Launch",
    "Watch",
    "Stop",
    "Judge",
    "Finalise",
    "Failed",
)

EXPECTED: dict[str, set[Statement]] = {
    "FunctionsResolveRole": {own_log("Resolve"), TRACES},
    "FunctionsLockRole": {own_log("Lock"), TRACES} | LOCK,
    "FunctionsValidateRole": {own_log("Validate")} | VALIDATION,
    "FunctionsCheckImagesRole": {own_log("CheckImages")} | VALIDATION,
    "FunctionsMergeChecksRole": {own_log("MergeChecks")} | VALIDATION,
    "FunctionsQuoteRole": {
        own_log("Quote"),
        # Merged by CDK, since none of the four actions knows resources.
        allow(
            "pricing:GetProducts",
            "servicequotas:ListServiceQuotas",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
            on="*",
        ),
        allow(
            "s3:ListBucket",
            on=BUCKET,
            when="{'StringLike': {'s3:prefix': ['runs/*', 'training-jobs/*/output/model.tar.gz', 'baselines/']}}",
        ),
        allow(
            "s3:GetObject", on={f"{BUCKET}/{key}" for key in ("runs/*", "baselines/*", "dino-data*/annotations.json")}
        ),
        allow("s3:PutObject", on=f"{BUCKET}/reports/*/baselines-*"),
    },
    "FunctionsLaunchRole": {
        own_log("Launch"),
        allow(
            "sagemaker:AddTags",
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:ListTags",
            "sagemaker:StopTrainingJob",
            on=JOBS,
        ),
        allow(
            "iam:PassRole",
            on="<TrainingRole.Arn>",
            when="{'StringEquals': {'iam:PassedToService': 'sagemaker.amazonaws.com'}}",
        ),
        LIST_JOBS,
        allow("s3:GetObject", on="arn:aws:s3:::cdk-hnb659fds-assets-123456789012-us-east-1/CODE.zip"),
        allow("s3:PutObject", on=f"{BUCKET}/training-code/*"),
        allow("s3:ListBucket", on=BUCKET, when="{'StringLike': {'s3:prefix': ['pretrained/']}}"),
        allow("states:DescribeExecution", "states:GetExecutionHistory", on=EXECUTIONS),
    }
    | LOCK - {LOOK},
    "FunctionsWatchRole": {
        own_log("Watch"),
        TRACES,
        allow("sagemaker:DescribeTrainingJob", on=JOBS),
        allow("logs:DescribeLogStreams", "logs:GetLogEvents", on=TRAINING_LOGS),
        allow("s3:ListBucket", on=BUCKET, when="{'StringLike': {'s3:prefix': ['checkpoints/*']}}"),
        allow("s3:GetObject", on={f"{BUCKET}/checkpoints/*/{name}.json" for name in ("health", "metrics")}),
        OWN_METRICS,
    },
    "FunctionsStopRole": {own_log("Stop"), TRACES, STOP},
    "FunctionsJudgeRole": {
        own_log("Judge"),
        allow("sagemaker:ListModelPackages", "xray:PutTelemetryRecords", "xray:PutTraceSegments", on="*"),
        allow("s3:ListBucket", on=BUCKET, when="{'StringLike': {'s3:prefix': ['training-jobs/*']}}"),
        allow("s3:GetObject", on=f"{BUCKET}/training-jobs/*"),
        allow("s3:PutObject", on={f"{BUCKET}/runs/*", f"{BUCKET}/reports/*"}),
        allow("sagemaker:DescribeTrainingJob", on=JOBS),
        allow(
            "sagemaker:AddTags",
            "sagemaker:CreateModelPackage",
            "sagemaker:CreateModelPackageGroup",
            "sagemaker:DescribeModelPackage",
            on={GROUP, PACKAGES},
        ),
        PULL,
    },
    "FunctionsFinaliseRole": {own_log("Finalise")} | ENDING,
    "FunctionsFailedRole": {own_log("Failed"), TRACES},
    "FunctionsCleanUpRole": {own_log("CleanUp"), TRACES, allow("states:DescribeExecution", on=EXECUTIONS)} | ENDING,
    "FunctionsSweepRole": {
        own_log("Sweep"),
        allow("states:DescribeExecution", on=EXECUTIONS),
        allow("states:ListExecutions", on=MACHINE),
        LIST_JOBS,
    }
    | ENDING - {TRACES},
    "EventsStarterRole": {allow("states:StartExecution", on="<PipelineStateMachine>")},
    "TrainingRole": {
        allow(
            "s3:ListBucket",
            on=BUCKET,
            when="{'StringLike': {'s3:prefix': "
            "['dino-data*', 'training-code/*', 'pretrained/*', 'checkpoints/*', 'reports/*/baselines-*', "
            "'training-jobs/*']}}",
        ),
        allow(
            "s3:GetObject",
            on={f"{BUCKET}/{prefix}*" for prefix in ("dino-data", "training-code/", "pretrained/", "checkpoints/")}
            | {f"{BUCKET}/training-jobs/*/output/model.tar.gz", f"{BUCKET}/reports/*/baselines-*"},
        ),
        allow("s3:PutObject", "s3:AbortMultipartUpload", on={f"{BUCKET}/checkpoints/*", f"{BUCKET}/training-jobs/*"}),
        allow("s3:DeleteObject", on=f"{BUCKET}/checkpoints/*"),
        allow(
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
            on=TRAINING_LOGS,
        ),
        allow(
            "cloudwatch:PutMetricData",
            on="*",
            when="{'StringEquals': {'cloudwatch:namespace': '/aws/sagemaker/TrainingJobs'}}",
        ),
        allow("ecr:GetAuthorizationToken", on="*"),
        PULL,
    },
    "PipelineStateMachineRole": {
        # The distributed map runs each batch as an execution of its own.
        allow("states:StartExecution", on="<PipelineStateMachine>"),
        allow("states:DescribeExecution", "states:StopExecution", on=f"{EXECUTIONS_OF_MAPS}:*"),
        allow("states:RedriveExecution", on=f"{EXECUTIONS_OF_MAPS}/*:*"),
        allow(
            "lambda:InvokeFunction",
            on={arn for step in TASKS for arn in (f"<Functions{step}.Arn>", f"<Functions{step}.Arn>:*")},
        ),
        allow(
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
            on="*",
        ),
    },
}


@pytest.fixture(scope="module")
def statements(resources: Resources) -> dict[str, set[Statement]]:
    found: dict[str, set[Statement]] = {}
    for policy in resources["AWS::IAM::Policy"]:
        (role,) = policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            found.setdefault(readable(role).strip("<>"), set()).add(statement_of(statement))
    return found


@pytest.mark.parametrize("role", EXPECTED)
def test_each_role_may_do_exactly_what_its_code_calls(role: str, statements: dict[str, set[Statement]]) -> None:
    assert statements[role] == EXPECTED[role]


def test_there_are_no_other_roles_and_no_managed_policies(
    resources: Resources, statements: dict[str, set[Statement]]
) -> None:
    assert set(statements) == set(EXPECTED)
    assert len(resources["AWS::IAM::Role"]) == len(EXPECTED)
    for role in resources["AWS::IAM::Role"]:
        assert not {"ManagedPolicyArns", "Policies"} & set(role["Properties"]), role["LogicalId"]


def test_the_topics_key_is_used_by_its_account_alarms_and_nobody_else(resources: Resources) -> None:
    (key,) = resources["AWS::KMS::Key"]
    statements = key["Properties"]["KeyPolicy"]["Statement"]
    assert [readable(next(iter(statement["Principal"].values()))) for statement in statements] == [
        "arn:aws:iam::123456789012:root",
        "cloudwatch.amazonaws.com",
    ]


def test_services_take_roles_for_this_account_only(with_serving: Path) -> None:
    """But Lambda, which documents no such condition: a function can only be given a role of its own account."""
    for stack, expected in (
        (
            PIPELINE,
            {
                ("states.amazonaws.com", "arn:aws:states:us-east-1:123456789012:stateMachine:*"),
                ("events.amazonaws.com", "arn:aws:events:us-east-1:123456789012:rule/FloorplanDino-*"),
                ("sagemaker.amazonaws.com", None),
            },
        ),
        (SERVING, {("states.amazonaws.com", "arn:aws:states:us-east-1:123456789012:stateMachine:*")}),
    ):
        found, unconditional = set(), set()
        for role in resources_of(json.loads((with_serving / f"{stack}.template.json").read_text()))["AWS::IAM::Role"]:
            (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            service = readable(statement["Principal"]["Service"])
            if "Condition" not in statement:
                unconditional.add(service)
                continue
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}
            source = statement["Condition"].get("ArnLike", {}).get("aws:SourceArn")
            found.add((service, source and readable(source)))
        assert (unconditional, found) == ({"lambda.amazonaws.com"}, expected)


def test_only_sagemaker_for_jobs_of_this_account_takes_the_training_role(resources: Resources) -> None:
    (role,) = [item for item in resources["AWS::IAM::Role"] if item["LogicalId"].startswith("TrainingRole")]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    }
