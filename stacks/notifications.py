"""The topic to which every end of an execution and every alarm is published."""

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.permissions import service_for


class Notifications(Construct):
    """Encrypted with a key of its own (1 USD a month), since alarms cannot publish under SNS's own; TLS only."""

    topic: sns.Topic

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        key = kms.Key(
            self,
            "Key",
            description="floorplan-dino: messages about training runs",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.topic = sns.Topic(self, "Topic", display_name="floorplan-dino", enforce_ssl=True, master_key=key)
        alarms = service_for(Stack.of(self), "cloudwatch.amazonaws.com")
        self.topic.grant_publish(alarms)  # under its key, too
