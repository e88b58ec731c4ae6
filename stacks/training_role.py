"""The role that training jobs run under."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct


class TrainingRole(Construct):
    """May be taken by SageMaker only, and only for jobs of this account. What it may do stands in permissions.py."""

    role: iam.Role

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            description="Floor-plan training jobs: read data, code, weights; write checkpoints, models, logs, metrics",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )
