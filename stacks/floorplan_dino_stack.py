"""The one stack: wires the constructs together and gives each its permissions."""

from pathlib import Path

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct
from pipeline.settings import (
    BucketSettings,
    Defaults,
    FinaliseSettings,
    JudgeSettings,
    LaunchSettings,
    QuoteSettings,
    SweepSettings,
    WatchSettings,
)

from checkout.version import code_version
from stacks import permissions
from stacks.arns import state_machine_of
from stacks.configuration import Configuration
from stacks.customer_key import customer_key
from stacks.dataset_bucket import DatasetBucket
from stacks.events import Events
from stacks.monitoring import Monitoring
from stacks.notifications import Notifications
from stacks.people import People
from stacks.pipeline_functions import PipelineFunctions
from stacks.state_machine import TrainingPipeline
from stacks.training_code_asset import TrainingCodeAsset
from stacks.training_image import training_image
from stacks.training_role import TrainingRole
from stacks.wildcard_acknowledgements import acknowledge_wildcards

MODEL_PACKAGE_GROUP = "floorplan-dino"
"""The registry's group of models. Judge makes it with the first model."""


def export_of(stack_name: str, output: str) -> str:
    """The name under which other stacks of the region get this output."""
    return f"{stack_name}-{output}"


class FloorplanDinoStack(Stack):
    """From an uploaded data set to a trained model."""

    def __init__(
        self, scope: Construct, construct_id: str, *, configuration: Configuration, wheels: Path, env: Environment
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=env,
            description="Trains DINO on floor plans: checks the data set, runs the training job, reports the outcome",
        )
        prefix = configuration.dataset_prefix
        machine_name = f"{self.stack_name}-Training"
        machine_arn = state_machine_of(self, machine_name)  # by its name, since it needs the functions first
        image = training_image(self, configuration)
        key = customer_key(self, configuration)
        bucket = DatasetBucket(self, "Dataset", key=key).bucket
        topic = Notifications(self, "Notifications").topic
        training_role = TrainingRole(self, "Training").role
        code = TrainingCodeAsset(self, "TrainingCode", wheels=wheels).asset
        functions = PipelineFunctions(
            self,
            "Functions",
            resolve=Defaults(
                dataset_prefix=prefix,
                preset=configuration.default_preset,
                instance_type=configuration.default_instance_type,
                quality_gate=configuration.quality_gate,
                highest_cost_usd=configuration.highest_cost_usd,
            ),
            bucket=BucketSettings(bucket=bucket.bucket_name),
            quote=QuoteSettings(bucket=bucket.bucket_name, highest_cost_usd=configuration.highest_cost_usd),
            launch=LaunchSettings(
                bucket=bucket.bucket_name,
                training_image=image.uri,
                training_role_arn=training_role.role_arn,
                code_asset_bucket=code.s3_bucket_name,
                code_asset_key=code.s3_object_key,
                watch_interval_seconds=configuration.watch_interval_seconds,
                kms_key_arn=key.key_arn if key else "",
            ),
            watch=WatchSettings(stall_minutes=configuration.stall_minutes, queue_minutes=configuration.queue_minutes),
            judge=JudgeSettings(
                bucket=bucket.bucket_name, model_package_group=MODEL_PACKAGE_GROUP, training_image=image.uri
            ),
            finalise=FinaliseSettings(bucket=bucket.bucket_name, topic_arn=topic.topic_arn),
            sweep=SweepSettings(bucket=bucket.bucket_name, topic_arn=topic.topic_arn, state_machine_arn=machine_arn),
            topic=topic,
            log_retention=configuration.log_retention,
        )
        state_machine = TrainingPipeline(
            self, "Pipeline", name=machine_name, functions=functions, log_retention=configuration.log_retention
        ).state_machine
        Monitoring(
            self,
            "Monitoring",
            state_machine=state_machine,
            sweep=functions.sweep,
            topic=topic,
            daily_budget_usd=configuration.daily_budget_usd,
            stall_minutes=configuration.stall_minutes,
        )
        Events(
            self,
            "Events",
            state_machine=state_machine,
            clean_up=functions.clean_up,
            sweep=functions.sweep,
            bucket=bucket,
            dataset_prefix=prefix,
            start_on_new_manifest=configuration.start_on_new_manifest,
            serving=configuration.serving,
        )

        for function in (functions.validate, functions.check_images, functions.merge_checks):
            permissions.allow_validation(function, bucket=bucket, dataset_prefix=prefix)
        for function in (functions.lock, functions.launch):
            permissions.allow_lock(function, bucket=bucket, state_machine_name=machine_name)
        permissions.allow_quote(functions.quote, bucket=bucket, dataset_prefix=prefix)
        permissions.allow_launch(
            functions.launch, bucket=bucket, code=code, training_role=training_role, state_machine_name=machine_name
        )
        permissions.allow_watch(functions.watch, bucket=bucket)
        permissions.allow_stop(functions.stop)
        permissions.allow_judgement(functions.judge, bucket=bucket, image=image, group=MODEL_PACKAGE_GROUP)
        for function in (functions.finalise, functions.clean_up, functions.sweep):
            permissions.allow_finalisation(function, bucket=bucket, topic=topic)
        for function in (functions.clean_up, functions.sweep):
            permissions.allow_look_at_executions(function, state_machine_name=machine_name)
        permissions.allow_sweep(functions.sweep, state_machine_arn=machine_arn)
        permissions.allow_training(training_role, bucket=bucket, dataset_prefix=prefix, image=image)
        if key is not None:
            permissions.allow_customer_key(
                key,
                readers=(functions.watch,),
                writers=(
                    functions.lock,
                    functions.validate,
                    functions.check_images,
                    functions.merge_checks,
                    functions.quote,
                    functions.launch,
                    functions.judge,
                    functions.finalise,
                    functions.clean_up,
                    functions.sweep,
                ),
                training_role=training_role,
            )

        people = People(
            self,
            "People",
            bucket=bucket,
            key=key,
            image=image,
            topic_arn=topic.topic_arn,
            dataset_prefix=prefix,
            state_machine_arn=state_machine.state_machine_arn,
            state_machine_name=machine_name,
            model_package_group=MODEL_PACKAGE_GROUP,
        )
        acknowledge_wildcards(
            self,
            bucket=bucket,
            dataset_prefix=prefix,
            state_machine=state_machine,
            state_machine_name=machine_name,
            tasks=functions.tasks,
            model_package_group=MODEL_PACKAGE_GROUP,
        )

        # Exported whether the serving stack is deployed or not, which reads them: an export in use cannot be removed.
        for name, value in (("DatasetBucketName", bucket.bucket_name), ("TopicArn", topic.topic_arn)):
            CfnOutput(self, name, value=value, export_name=export_of(self.stack_name, name))
        CfnOutput(self, "CodeVersion", value=code_version())
        CfnOutput(self, "DatasetPrefix", value=prefix)
        CfnOutput(self, "ModelPackageGroupName", value=MODEL_PACKAGE_GROUP)
        CfnOutput(self, "StateMachineArn", value=state_machine.state_machine_arn)
        CfnOutput(self, "TrainingRoleArn", value=training_role.role_arn)
        CfnOutput(self, "UploaderPolicyArn", value=people.uploaders.managed_policy_arn)
        CfnOutput(self, "OperatorPolicyArn", value=people.operators.managed_policy_arn)
