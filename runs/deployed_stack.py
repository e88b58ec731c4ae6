"""Finds the deployed stacks' state machines and bucket by their CloudFormation outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
SERVING = "-Serving"
"""How the name of the serving stack goes on after that of the pipeline's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """The stack outputs that the commands need."""

    state_machine_arn: str
    bucket: str
    model_package_group: str
    """The registry's group of models; empty if the deployment is older than this output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingStack:
    """The outputs of the stack that predicts on plans."""

    state_machine_arn: str
    """Of batches."""
    concurrency: int
    """Plans of a batch at a time."""


def find_stack(session: boto3.Session, name: str) -> DeployedStack:
    """The stack `name` of the session's account and region. Raises RunsError if it is not deployed there."""
    with _outputs(session, name, "cdk deploy") as outputs:
        return DeployedStack(
            state_machine_arn=outputs["StateMachineArn"],
            bucket=outputs["DatasetBucketName"],
            model_package_group=outputs.get("ModelPackageGroupName", ""),
        )


def find_serving(session: boto3.Session, pipeline: str) -> ServingStack:
    """The serving stack beside the stack `pipeline`. Raises RunsError if it is not deployed there."""
    with _outputs(session, pipeline + SERVING, "cdk deploy --all -c serving=true") as outputs:
        return ServingStack(
            state_machine_arn=outputs["BatchStateMachineArn"], concurrency=int(outputs["BatchConcurrency"])
        )


@contextmanager
def _outputs(session: boto3.Session, name: str, command: str) -> Iterator[dict[str, str]]:
    """The outputs of the stack `name`, which `command` deploys; what the block misses is a RunsError, too."""
    stack = describe_stack(session.client("cloudformation"), name, session.region_name, command=command)
    try:
        yield {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    except KeyError as missing:
        raise RunsError(
            f"The stack {name} is {stack['StackStatus']} and has no output {missing}: deploy it again (`{command}`)."
        ) from None


def describe_stack(
    cloudformation: CloudFormationClient, name: str, region: str, *, command: str = "cdk deploy"
) -> StackTypeDef:
    """The stack as CloudFormation describes it. Raises RunsError if it is not deployed, which `command` would do."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError" and "does not exist" in error_message(error):
            raise RunsError(
                f"There is no stack {name} in {region}: deploy it (`{command}`), set "
                "AWS_DEFAULT_REGION to where it is, or name another one with --stack."
            ) from None
        raise
    return stack
