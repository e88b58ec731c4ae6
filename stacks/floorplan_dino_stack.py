"""The one stack: wires the constructs together and gives each its permissions."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct
from pipeline.settings import FinaliseSettings, LaunchSettings, ResolveSettings, ValidateSettings

from stacks import permissions
from stacks.configuration import Configuration
from stacks.dataset_bucket import DatasetBucket
from stacks.notifications import Notifications
from stacks.pipeline_functions import PipelineFunctions
from stacks.state_machine import TrainingPipeline
from stacks.training_code_asset import TrainingCodeAsset
from stacks.training_image import training_image
from stacks.training_role import TrainingRole


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
        image = training_image(self, configuration)
        bucket = DatasetBucket(self, "Dataset").bucket
        topic = Notifications(self, "Notifications").topic
        training_role = TrainingRole(self, "Training").role
        code = TrainingCodeAsset(self, "TrainingCode", wheels=wheels).asset
        functions = PipelineFunctions(
            self,
            "Functions",
            resolve=ResolveSettings(
                dataset_prefix=prefix,
                default_preset=configuration.default_preset,
                default_instance_type=configuration.default_instance_type,
            ),
            validate=ValidateSettings(bucket=bucket.bucket_name),
            launch=LaunchSettings(
                bucket=bucket.bucket_name,
                training_image=image.uri,
                training_role_arn=training_role.role_arn,
                code_asset_bucket=code.s3_bucket_name,
                code_asset_key=code.s3_object_key,
                watch_interval_seconds=str(configuration.watch_interval_seconds),
            ),
            finalise=FinaliseSettings(topic_arn=topic.topic_arn),
            log_retention=configuration.log_retention,
        )
        pipeline = TrainingPipeline(self, "Pipeline", functions=functions, log_retention=configuration.log_retention)

        permissions.allow_validation(functions.validate, bucket=bucket, dataset_prefix=prefix)
        permissions.allow_launch(functions.launch, bucket=bucket, code=code, training_role=training_role)
        permissions.allow_watch(functions.watch)
        permissions.allow_finalisation(functions.finalise, topic_arn=topic.topic_arn)
        permissions.allow_training(training_role, bucket=bucket, dataset_prefix=prefix, image=image)

        CfnOutput(self, "DatasetBucketName", value=bucket.bucket_name)
        CfnOutput(self, "DatasetPrefix", value=prefix)
        CfnOutput(self, "StateMachineArn", value=pipeline.state_machine.state_machine_arn)
        CfnOutput(self, "TopicArn", value=topic.topic_arn)
        CfnOutput(self, "TrainingRoleArn", value=training_role.role_arn)
