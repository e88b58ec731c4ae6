"""The serving stack: a function that predicts on plans, what calls it for one or many, and what tells of failures."""

from pathlib import Path

from aws_cdk import CfnOutput, Environment, Fn, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.configuration import Configuration
from stacks.customer_key import customer_key
from stacks.floorplan_dino_stack import MODEL_PACKAGE_GROUP, export_of
from stacks.serving.alarms import ServingAlarms
from stacks.serving.batches import PlanBatches, plans_at_a_time
from stacks.serving.callers import Callers
from stacks.serving.function import ServingFunction
from stacks.serving.permissions import acknowledge_serving_wildcards, allow_serving
from stacks.serving.plan_events import PlanEvents


class ServingStack(Stack):
    """Beside the stack of the pipeline, whose bucket and topic it uses by their exports."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        configuration: Configuration,
        pipeline: str,
        wheels: Path,
        env: Environment,
    ) -> None:
        """`pipeline` is the name of that stack."""
        super().__init__(
            scope, construct_id, env=env, description="Predicts walls and rooms on floor plans with the approved model"
        )
        key: kms.IKey | None = customer_key(self, configuration)
        bucket = s3.Bucket.from_bucket_name(self, "Dataset", Fn.import_value(export_of(pipeline, "DatasetBucketName")))
        topic = sns.Topic.from_topic_arn(self, "Topic", Fn.import_value(export_of(pipeline, "TopicArn")))
        serving = ServingFunction(
            self,
            "Serving",
            bucket=bucket.bucket_name,
            group=MODEL_PACKAGE_GROUP,
            wheels=wheels,
            concurrency=configuration.serving_concurrency,
            log_retention=configuration.log_retention,
        )
        PlanEvents(self, "PlanEvents", bucket=bucket, function=serving.function, dead_letters=serving.dead_letters)
        allow_serving(serving.function, bucket=bucket, group=MODEL_PACKAGE_GROUP, key=key)
        batches_name = f"{self.stack_name}-Batches"
        at_a_time = plans_at_a_time(configuration.serving_concurrency)
        batches = PlanBatches(
            self,
            "Batches",
            name=batches_name,
            function=serving.function,
            bucket=bucket,
            key=key,
            at_a_time=at_a_time,
            log_retention=configuration.log_retention,
        )
        ServingAlarms(
            self,
            "Alarms",
            function=serving.function,
            dead_letters=serving.dead_letters,
            batches=batches.state_machine,
            topic=topic,
        )
        callers = Callers(
            self,
            "Callers",
            function=serving.function,
            bucket=bucket,
            key=key,
            pipeline=pipeline,
            state_machine=batches_name,
            model_package_group=MODEL_PACKAGE_GROUP,
        )
        acknowledge_serving_wildcards(
            self, bucket=bucket, group=MODEL_PACKAGE_GROUP, pipeline=pipeline, state_machine=batches_name
        )

        CfnOutput(self, "ServingUrl", value=serving.url.url)
        CfnOutput(self, "ServingFunctionName", value=serving.function.function_name)
        CfnOutput(self, "DeadLettersUrl", value=serving.dead_letters.queue_url)
        CfnOutput(self, "BatchStateMachineArn", value=batches.state_machine.state_machine_arn)
        CfnOutput(self, "BatchConcurrency", value=str(at_a_time))
        CfnOutput(self, "CallerPolicyArn", value=callers.single.managed_policy_arn)
        CfnOutput(self, "BatchCallerPolicyArn", value=callers.batches.managed_policy_arn)
