"""Finds the deployed stack's state machine and bucket by its CloudFormation outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code, error_message

from runs.errors import RunsError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK = "FloorplanDino"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """The stack outputs that the commands need."""

    state_machine_arn: str
    bucket: str
    model_package_group: str
    """The registry's group of models; empty if the deployment is older than this output."""


def find_stack(session: boto3.Session, name: str) -> DeployedStack:
    """The stack `name` of the session's account and region. Raises RunsError if it is not deployed there."""
    stack = describe_stack(session.client("cloudformation"), name, session.region_name)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    try:
        return DeployedStack(
            state_machine_arn=outputs["StateMachineArn"],
            bucket=outputs["DatasetBucketName"],
            model_package_group=outputs.get("ModelPackageGroupName", ""),
        )
    except KeyError as missing:
        raise RunsError(
            f"The stack {name} is {stack['StackStatus']} and has no output {missing}: deploy it again (`cdk deploy`)."
        ) from None


def describe_stack(cloudformation: CloudFormationClient, name: str, region: str) -> StackTypeDef:
    """The stack as CloudFormation describes it. Raises RunsError if it is not deployed."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError" and "does not exist" in error_message(error):
            raise RunsError(
                f"There is no stack {name} in {region}: deploy it (`cdk deploy`), set "
                "AWS_DEFAULT_REGION to where it is, or name another one with --stack."
            ) from None
        raise
    return stack
