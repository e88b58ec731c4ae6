"""What SageMaker is asked to do: the arguments of create_training_job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.execution import Execution
from pipeline.pretrained_weights import CHANNEL as PRETRAINED_CHANNEL
from pipeline.request import Request
from pipeline.s3_layout import PRETRAINED, TRAINING_JOBS, checkpoints_prefix, training_code_prefix, uri
from pipeline.settings import LaunchSettings
from training_code.metric_lines import METRIC_DEFINITIONS

CODE_ARCHIVE = "training_code.zip"

CONTAINER_ENTRYPOINT = (
    "/bin/bash",
    "-c",
    "set -e; python -m zipfile -e /opt/ml/input/data/code/*.zip /opt/ml/code; "
    "pip install -q --no-index --no-deps --find-links /opt/ml/code/wheels "
    "-r /opt/ml/code/training_code/requirements.lock; "
    "cd /opt/ml/code; exec python -m training_code.train",
)
"""Our own, with `exec`: under the image's, SIGTERM would not reach the trainer, and no last checkpoint be saved.
SageMaker allows 256 characters an item."""

EXECUTION_TAG = "floorplan-dino:execution"
_EVENTS_LIMITED_LOOKS = 2500
"""An execution holds 25,000 events, and each look at the job takes nine of them."""


def training_job_arguments(
    *,
    request: Request,
    dataset: Mapping[str, Any],
    weights: str | None,
    execution: Execution,
    settings: LaunchSettings,
) -> dict[str, Any]:
    """The keyword arguments of boto3's create_training_job.

    `dataset` is DatasetCheck.to_state(), `weights` what choose_weights() gave.
    A spot job always has checkpoints: without them it may start over for ever.
    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    hyperparameters = {"preset": request.training_preset}
    if request.epochs is not None:
        hyperparameters["epochs"] = str(request.epochs)
    stopping = {"MaxRuntimeInSeconds": request.max_runtime_seconds}
    if request.spot:
        stopping["MaxWaitTimeInSeconds"] = request.max_wait_seconds
    channels = [
        _channel("dataset", dataset["uri"]),
        _channel("code", uri(settings.bucket, training_code_prefix(settings.code_asset_key))),
    ]
    if weights is not None:
        # A whole key is a prefix, too, and the file keeps its name in the channel.
        channels.append(_channel(PRETRAINED_CHANNEL, uri(settings.bucket, PRETRAINED + weights)))
    return {
        "TrainingJobName": execution.job_name(),
        "AlgorithmSpecification": {
            "TrainingImage": settings.training_image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(CONTAINER_ENTRYPOINT),
            "MetricDefinitions": [dict(definition) for definition in METRIC_DEFINITIONS],
        },
        "RoleArn": settings.training_role_arn,
        "HyperParameters": hyperparameters,
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": uri(settings.bucket, TRAINING_JOBS.rstrip("/"))},
        "CheckpointConfig": {"S3Uri": uri(settings.bucket, checkpoints_prefix(execution.name))},
        # The types that are offered have their own NVMe disks, so the volume holds little; 1 GB is the least.
        "ResourceConfig": {"InstanceType": request.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": request.spot,
        "EnableNetworkIsolation": True,
        "Tags": [
            {"Key": EXECUTION_TAG, "Value": execution.tag},
            {"Key": "floorplan-dino:dataset-version", "Value": dataset["version"]},
            {"Key": "floorplan-dino:preset", "Value": request.preset},
            {"Key": "floorplan-dino:pretrained", "Value": weights or "none"},
        ],
    }


def watch_interval_seconds(request: Request, configured: int) -> int:
    """Seconds between two looks: as configured, or longer if the execution's events would not last otherwise."""
    longest = request.max_wait_seconds if request.spot else request.max_runtime_seconds
    return max(configured, -(-longest // _EVENTS_LIMITED_LOOKS))


def _channel(name: str, s3_uri: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": s3_uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }
