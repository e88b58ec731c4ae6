"""The managed policy for people and programs that have plans predicted; it is attached to nobody."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct
from pipeline.s3_layout import PLANS, PREDICTIONS

from stacks.permissions import allow, listing, through_s3


class Callers(Construct):
    """They put plans into the bucket or post them, and read the answers."""

    policy: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.Function,
        bucket: s3.IBucket,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        via_url = iam.PolicyStatement(
            actions=["lambda:InvokeFunction"],
            resources=[function.function_arn],
            conditions={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        )
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="floorplan-dino: have plans predicted and read the answers",
            statements=[
                # Both are asked for by function URLs.
                allow(["lambda:InvokeFunctionUrl"], function.function_arn),
                via_url,
                listing(bucket, f"{PLANS}*", f"{PREDICTIONS}*"),
                allow(["s3:PutObject"], bucket.arn_for_objects(f"{PLANS}*")),
                allow(["s3:GetObject"], *(bucket.arn_for_objects(f"{prefix}*") for prefix in (PLANS, PREDICTIONS))),
                *([through_s3(function.stack, key, "kms:Decrypt", "kms:GenerateDataKey")] if key else []),
            ],
        )
