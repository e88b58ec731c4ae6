"""What the serving function may do, and why its permissions have wildcards."""

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from pipeline.s3_layout import PLANS, PREDICTIONS, TRAINING_JOBS

from stacks.permissions import MODELS, allow, list_models, listing, model_packages_of, through_s3
from stacks.wildcard_acknowledgements import shown


def allow_serving(function: lambda_.Function, *, bucket: s3.IBucket, group: str, key: kms.IKey | None) -> None:
    """Read plans, ask which model is approved and read it, write answers."""
    stack = Stack.of(function)
    for statement in (
        listing(bucket, f"{PLANS}*", f"{TRAINING_JOBS}*"),  # without it, what is not there reads as "denied"
        allow(["s3:GetObject"], bucket.arn_for_objects(f"{PLANS}*"), bucket.arn_for_objects(MODELS)),
        allow(["s3:PutObject"], bucket.arn_for_objects(f"{PREDICTIONS}*")),
        list_models(),
        allow(["sagemaker:DescribeModelPackage"], model_packages_of(stack, group)),
        *([through_s3(stack, key, "kms:Decrypt", "kms:GenerateDataKey")] if key else []),
    ):
        function.add_to_role_policy(statement)


def acknowledge_serving_wildcards(stack: Stack, *, bucket: s3.IBucket, group: str) -> None:
    """Acknowledge the wildcards of the stack's policies towards cdk-nag; any other is a finding."""
    resources = {
        "*": "X-Ray knows no resources, and ListModelPackages no group",
        bucket.arn_for_objects(f"{PLANS}*"): "plans, whose names people choose",
        bucket.arn_for_objects(f"{PREDICTIONS}*"): "answers, named as the plans",
        bucket.arn_for_objects(MODELS): "the registry says which job's model is approved",
        model_packages_of(stack, group): "versions of the one group's models; the registry numbers them",
    }
    Validations.of(stack).acknowledge(
        *(
            Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{shown(stack.resolve(resource))}]", reason=reason)
            for resource, reason in resources.items()
        ),
        Acknowledgment(id="AwsSolutions-SQS3", reason="the queue is the one of dead letters"),
    )
