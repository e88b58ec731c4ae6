"""The role that training jobs run under."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.permissions import service_for


class TrainingRole(Construct):
    """Only SageMaker may take it, for jobs of this account; what it may do is in permissions.py (allow_training)."""

    role: iam.Role

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            description="Floor-plan training jobs: read data, code, weights; write checkpoints, models, logs, metrics",
            assumed_by=service_for(Stack.of(self), "sagemaker.amazonaws.com"),
        )
