"""What the serving function may do, and why its permissions have wildcards."""

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from pipeline.s3_layout import BATCH_LISTS, BATCH_PLANS, BATCH_RESULTS, PLANS, PREDICTIONS, TRAINING_JOBS

from stacks.arns import executions_of, model_packages_of, stack_of
from stacks.permissions import MODELS, allow, list_models, listing, through_s3
from stacks.serving.batches import LABEL, map_runs_of
from stacks.wildcard_acknowledgements import shown


def allow_serving(function: lambda_.Function, *, bucket: s3.IBucket, group: str, key: kms.IKey | None) -> None:
    """Read plans, ask which model is approved and read it, write answers."""
    stack = Stack.of(function)
    for statement in (
        # Without it, what is not there reads as "denied".
        listing(bucket, f"{PLANS}*", f"{BATCH_PLANS}*", f"{TRAINING_JOBS}*"),
        allow(["s3:GetObject"], *(bucket.arn_for_objects(key) for key in (f"{PLANS}*", f"{BATCH_PLANS}*", MODELS))),
        allow(["s3:PutObject"], bucket.arn_for_objects(f"{PREDICTIONS}*")),
        list_models(),
        allow(["sagemaker:DescribeModelPackage"], model_packages_of(stack, group)),
        *([through_s3(stack, key, "kms:Decrypt", "kms:GenerateDataKey")] if key else []),
    ):
        function.add_to_role_policy(statement)


def acknowledge_serving_wildcards(
    stack: Stack, *, bucket: s3.IBucket, group: str, pipeline: str, state_machine: str
) -> None:
    """Acknowledge the wildcards of the stack's policies towards cdk-nag; any other is a finding."""
    resources = {
        "*": "X-Ray and log delivery know no resources, and ListModelPackages no group",
        bucket.arn_for_objects(f"{PLANS}*"): "plans, whose names people choose",
        bucket.arn_for_objects(f"{PREDICTIONS}*"): "answers, named as the plans",
        bucket.arn_for_objects(f"{BATCH_PLANS}*"): "plans, named by their content",
        bucket.arn_for_objects(f"{BATCH_LISTS}*"): "one list a batch",
        bucket.arn_for_objects(f"{BATCH_RESULTS}*"): "one folder a batch",
        executions_of(stack, state_machine): "the batches, which are executions of the one state machine",
        executions_of(stack, f"{state_machine}/{LABEL}"): "the plans of the one state machine's map",
        map_runs_of(stack, state_machine): "one map run a batch",
        **{stack_of(stack, name): "the one stack, whose ARN ends with an id" for name in (pipeline, stack.stack_name)},
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
