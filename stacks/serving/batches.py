"""The state machine that has many plans predicted: each by the serving function, within its concurrency."""

from typing import Any

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from pipeline.s3_layout import BATCH_LISTS, BATCH_RESULTS
from serving.settings import TIMEOUT_SECONDS

from stacks.arns import executions_of, state_machine_of
from stacks.permissions import allow, service_for, through_s3
from stacks.steps import CRASHES, SERVICE_ERRORS

MAP_STATE = "PredictPlans"
LABEL = "Plans"
"""Of the map, in the ARNs of its children."""
_UNRESERVED = 5
"""Plans at a time where the function has no concurrency of its own: a new account may have 10 functions at a time."""


class PlanBatches(Construct):
    """Its input is {"plans": key}: of a list in BATCH_LISTS, of which each entry is an event for the function.

    A plan that fails leaves the others alone. What became of each, Step Functions writes below BATCH_RESULTS.
    """

    state_machine: sfn.StateMachine

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        function: lambda_.Function,
        bucket: s3.IBucket,
        key: kms.IKey | None,
        at_a_time: int,
        log_retention: logs.RetentionDays,
    ) -> None:
        """`name` is the state machine's: its role names its executions by it."""
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        # As CDK's own role of a state machine: only for those of this account, of which the map's children are some.
        taker = service_for(stack, "states.amazonaws.com", source=state_machine_of(stack, "*"))
        role = iam.Role(self, "Role", assumed_by=taker)
        for statement in (
            allow(["lambda:InvokeFunction"], function.function_arn),
            allow(["s3:GetObject"], bucket.arn_for_objects(f"{BATCH_LISTS}*")),
            allow(
                ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"],
                bucket.arn_for_objects(f"{BATCH_RESULTS}*"),
            ),
            # The children of the map are executions, too.
            allow(["states:StartExecution"], state_machine_of(stack, name)),
            allow(
                ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"],
                executions_of(stack, name),
                executions_of(stack, f"{name}/{LABEL}"),
            ),
            *([through_s3(stack, key, "kms:Decrypt", "kms:GenerateDataKey")] if key else []),
        ):
            role.add_to_policy(statement)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # Not by CDK's DistributedMap: it lets the role read the whole bucket.
        definition = stack.to_json_string(_definition(stack, function.function_arn, bucket.bucket_name, at_a_time))
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(definition),
            role=role,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
            tracing_enabled=True,
        )


def plans_at_a_time(concurrency: int) -> int:
    """Of a batch, where the function has this concurrency (0: none of its own): one less, for plans that come alone."""
    return max(1, concurrency - 1) if concurrency else _UNRESERVED


def map_runs_of(stack: Stack, name: str) -> str:
    """The map runs of the state machine's executions."""
    return stack.format_arn(
        service="states",
        resource="mapRun",
        resource_name=f"{name}/{LABEL}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def _definition(stack: Stack, function_arn: str, bucket: str, at_a_time: int) -> dict[str, Any]:
    """In the Amazon States Language."""
    predict = {
        "Type": "Task",
        "Resource": function_arn,
        "TimeoutSeconds": TIMEOUT_SECONDS + 30,
        "Retry": [
            # For an hour, as plans that come one by one may take the function's whole concurrency.
            {"ErrorEquals": [*SERVICE_ERRORS], "MaxAttempts": 120, **_pauses(longest=60)},
            {"ErrorEquals": [*CRASHES], "MaxAttempts": 1, **_pauses(longest=60)},
        ],
        "End": True,
    }
    items = {
        "Resource": f"arn:{stack.partition}:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": bucket, "Key.$": "$.plans"},
    }
    results = {
        "Resource": f"arn:{stack.partition}:states:::s3:putObject",
        "Parameters": {"Bucket": bucket, "Prefix": BATCH_RESULTS.rstrip("/")},
    }
    plans = {
        "Type": "Map",
        "Label": LABEL,
        "ItemReader": items,
        "MaxConcurrency": at_a_time,
        "ToleratedFailurePercentage": 100,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Predict",
            "States": {"Predict": predict},
        },
        "ResultWriter": results,
        "End": True,
    }
    return {"StartAt": MAP_STATE, "States": {MAP_STATE: plans}}


def _pauses(*, longest: int) -> dict[str, Any]:
    return {"IntervalSeconds": 2, "BackoffRate": 2, "MaxDelaySeconds": longest, "JitterStrategy": "FULL"}
