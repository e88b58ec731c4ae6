"""Why permissions have wildcards: each is acknowledged towards cdk-nag, with its reason; any other is a finding."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aws_cdk import Acknowledgment, Arn, ArnFormat, Stack, Validations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from pipeline.s3_layout import (
    BASELINES,
    CHECKPOINTS,
    LOCKS,
    PRETRAINED,
    REPORTS,
    STAGE_RECORDS,
    TRAINING_CODE,
    TRAINING_JOBS,
)

from stacks.arns import SERVING, executions_of, model_packages_of, roles_of, stack_of, training_jobs, training_logs
from stacks.people import STAGE_FILES
from stacks.permissions import COPIED_BASELINES, MESSAGES, MODELS

_EVERYTHING = (
    "X-Ray, PutMetricData, GetAuthorizationToken, GetAccountSettings, GetProducts, ListServiceQuotas, "
    "ListTrainingJobs and log delivery "
    "know no resources, and ListModelPackages no group"
)
_DATA_KEYS = "SNS asks for GenerateDataKey or GenerateDataKeyWithoutPlaintext: so CDK grants both"


def acknowledge_wildcards(
    stack: Stack,
    *,
    bucket: s3.Bucket,
    dataset_prefix: str,
    state_machine: sfn.StateMachine,
    state_machine_name: str,
    tasks: Iterable[lambda_.Function],
    model_package_group: str,
) -> None:
    """Acknowledge the wildcards of the stack's policies; `tasks` are the functions that the state machine calls."""
    objects = {
        f"{dataset_prefix}*": "the objects of the data sets, whose prefix a request may name",
        f"{REPORTS}*": "one folder an execution",
        MESSAGES: "one folder an execution, one message an end",
        f"{TRAINING_CODE}*": "one copy for each version of the code",
        f"{PRETRAINED}*": "weights that a request may name",
        f"{BASELINES}*": "one folder a baseline, which a person names",
        f"{dataset_prefix}*/annotations.json": "data sets, whose prefix a request may name",
        COPIED_BASELINES: "one folder an execution",
        f"{CHECKPOINTS}*": "one folder an execution",
        f"{CHECKPOINTS}*/health.json": "one folder an execution",
        MODELS: "models that a request may continue",
        f"{CHECKPOINTS}*/metrics.json": "one folder an execution",
        f"{TRAINING_JOBS}*": "one folder a job; SageMaker chooses the names in it",
        f"{LOCKS}*": "one lock a data set, whose prefix a request may name",
        f"{STAGE_RECORDS}*": "one record a stage",
        **dict.fromkeys(STAGE_FILES, "one folder a stage"),
    }
    machine = Arn.split(state_machine.state_machine_arn, ArnFormat.COLON_RESOURCE_NAME).resource_name
    resources = {
        "*": _EVERYTHING,
        **{bucket.arn_for_objects(key): reason for key, reason in objects.items()},
        training_jobs(stack): "a job's name is made from its execution's",
        training_logs(stack): "SageMaker names the streams",
        model_packages_of(stack, model_package_group): "versions of the one group's models; the registry numbers them",
        executions_of(stack, state_machine_name): "the executions of the one state machine",
        executions_of(stack, f"{machine}"): "the executions of the one state machine",
        executions_of(stack, f"{machine}/*"): "the batches of the one state machine's map",
        **{
            stack_of(stack, name): "the one stack, whose ARN ends with an id"
            for name in (stack.stack_name, f"{stack.stack_name}{SERVING}")
        },
        roles_of(stack): "the roles of the one stack, to whose names CloudFormation adds an id",
        **{f"{task.function_arn}:*": "CDK: versions of the same function" for task in tasks},
    }
    found = {f"Resource::{shown(stack.resolve(resource))}": reason for resource, reason in resources.items()}
    found["Action::kms:GenerateDataKey*"] = _DATA_KEYS
    Validations.of(stack).acknowledge(
        *(Acknowledgment(id=f"AwsSolutions-IAM5[{name}]", reason=reason) for name, reason in found.items())
    )


def shown(value: Any) -> str:  # noqa: ANN401 - whatever a template may hold
    """As cdk-nag names a resource: tokens as <LogicalId> and <LogicalId.Attribute>, other functions as JSON."""
    if isinstance(value, str):
        return value
    assert isinstance(value, Mapping), value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(shown(part) for part in argument[1])
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::ImportValue":
        return str(argument)
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    return json.dumps(value, separators=(",", ":"))
