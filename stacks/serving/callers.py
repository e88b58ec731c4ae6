"""The managed policies for people and programs that have plans predicted; they are attached to nobody."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct
from pipeline.s3_layout import BATCH_LISTS, BATCH_PLANS, PLANS, PREDICTIONS

from stacks.arns import executions_of, model_packages_of, stack_of, state_machine_of
from stacks.permissions import allow, list_models, listing, through_s3
from stacks.serving.batches import LABEL, map_runs_of


class Callers(Construct):
    """Callers put plans into the bucket or post them, batch callers start batches; both read the answers."""

    single: iam.ManagedPolicy
    batches: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.Function,
        bucket: s3.IBucket,
        key: kms.IKey | None,
        pipeline: str,
        state_machine: str,
        model_package_group: str,
    ) -> None:
        """`pipeline` and `state_machine` are the names of that stack and of the state machine of batches."""
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        via_url = iam.PolicyStatement(
            actions=["lambda:InvokeFunction"],
            resources=[function.function_arn],
            conditions={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        )
        use_key = [through_s3(stack, key, "kms:Decrypt", "kms:GenerateDataKey")] if key else []
        seeing = [
            listing(bucket, f"{PLANS}*", f"{PREDICTIONS}*"),
            allow(["s3:GetObject"], *(bucket.arn_for_objects(f"{prefix}*") for prefix in (PLANS, PREDICTIONS))),
        ]
        self.single = iam.ManagedPolicy(
            self,
            "Policy",
            description="floorplan-dino: have plans predicted and read the answers",
            statements=[
                # Both are asked for by function URLs.
                allow(["lambda:InvokeFunctionUrl"], function.function_arn),
                via_url,
                *seeing,
                allow(["s3:PutObject"], bucket.arn_for_objects(f"{PLANS}*")),
                *use_key,
            ],
        )
        self.batches = iam.ManagedPolicy(
            self,
            "BatchPolicy",
            description="floorplan-dino: have many plans predicted and read the answers",
            statements=[
                allow(
                    ["cloudformation:DescribeStacks"], *(stack_of(stack, name) for name in (pipeline, stack.stack_name))
                ),
                list_models(),
                allow(["sagemaker:DescribeModelPackage"], model_packages_of(stack, model_package_group)),
                *seeing,
                allow(["s3:PutObject"], *(bucket.arn_for_objects(f"{each}*") for each in (BATCH_PLANS, BATCH_LISTS))),
                allow(["states:ListExecutions", "states:StartExecution"], state_machine_of(stack, state_machine)),
                allow(
                    ["states:DescribeExecution", "states:ListMapRuns", "states:StopExecution"],
                    executions_of(stack, state_machine),
                ),
                allow(["states:DescribeExecution"], executions_of(stack, f"{state_machine}/{LABEL}")),
                allow(["states:DescribeMapRun", "states:ListExecutions"], map_runs_of(stack, state_machine)),
                *use_key,
            ],
        )
