"""What starts a function or a run without a person: an execution's end, the clock, and, if wanted, a new data set."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from dataset_contract.layout import MANIFEST
from stacks.permissions import service_for

FAILED_STATUSES = ("FAILED", "ABORTED", "TIMED_OUT")
"""Of executions. Those that succeed have passed Finalise."""


class Events(Construct):
    """Rules on the account's default event bus."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine: sfn.StateMachine,
        clean_up: lambda_.Function,
        sweep: lambda_.Function,
        bucket: s3.Bucket,
        dataset_prefix: str,
        start_on_new_manifest: bool,
        serving: bool,
    ) -> None:
        """`serving`: the serving stack waits for plans in the bucket."""
        super().__init__(scope, construct_id)
        events.Rule(
            self,
            "Ended",
            description="An execution that is aborted or fails uncaught runs no further step: this ends what it left",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"stateMachineArn": [state_machine.state_machine_arn], "status": [*FAILED_STATUSES]},
            ),
            targets=[
                targets.LambdaFunction(clean_up, retry_attempts=185, max_event_age=Duration.hours(24))  # the most
            ],
        )
        events.Rule(
            self,
            "Sweep",
            description="Such an event may be lost, and Finalise itself may fail: this attends to what they left",
            schedule=events.Schedule.rate(Duration.minutes(15)),
            targets=[targets.LambdaFunction(sweep)],
        )
        if start_on_new_manifest or serving:
            _send_events(bucket)
        events.Rule(
            self,
            "NewManifest",
            enabled=start_on_new_manifest,
            description=f"Starts a run when a data set has been uploaded to {dataset_prefix}/: its manifest comes last",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [f"{dataset_prefix}/{MANIFEST}"]}},
            ),
            targets=[
                targets.SfnStateMachine(
                    state_machine,
                    role=self._starter(),
                    input=events.RuleTargetInput.from_object({"dataset_prefix": dataset_prefix}),
                )
            ],
        )

    def _starter(self) -> iam.Role:
        """Only EventBridge may take it, for rules of this stack; CDK's own would trust it for all accounts' rules."""
        stack = Stack.of(self)
        rules = stack.format_arn(service="events", resource="rule", resource_name=f"{stack.stack_name}-*")
        return iam.Role(self, "StarterRole", assumed_by=service_for(stack, "events.amazonaws.com", source=rules))


def _send_events(bucket: s3.Bucket) -> None:
    """CDK's own way brings a custom resource with a function and managed policies; the property alone does it."""
    cfn_bucket = bucket.node.default_child
    assert isinstance(cfn_bucket, s3.CfnBucket)
    cfn_bucket.add_property_override("NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True)
