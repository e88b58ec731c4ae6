"""What SageMaker is asked to do: the arguments of create_training_job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.execution import Execution
from pipeline.job.execution_jobs import EXECUTION_TAG
from pipeline.job.pretrained_weights import CHANNEL as PRETRAINED_CHANNEL
from pipeline.request import Request
from pipeline.s3_layout import PRETRAINED, TRAINING_JOBS, checkpoints_prefix, training_code_prefix, uri
from pipeline.settings import LaunchSettings
from training_code.job.metric_lines import METRIC_DEFINITIONS

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

_LONGEST_WAIT_SECONDS = 28 * 24 * 3600
"""No training job may take longer."""
_EVENTS_LIMITED_LOOKS = 2500
"""An execution holds 25,000 events, and each look at the job takes nine of them."""


def training_job_arguments(
    *,
    request: Request,
    run: int,
    choice: Mapping[str, Any],
    max_runtime_seconds: int,
    dataset: Mapping[str, Any],
    weights: str | None,
    execution: Execution,
    number: int,
    settings: LaunchSettings,
) -> dict[str, Any]:
    """The keyword arguments of boto3's create_training_job.

    `run` is an index of request.runs, `choice` one of the quote's, `dataset` DatasetCheck.to_state(), `weights` what
    choose_weights() gave. A spot job always has checkpoints: without them it may start over for ever.
    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    work = request.runs[run]
    stopping = {"MaxRuntimeInSeconds": max_runtime_seconds}
    if choice["spot"]:
        stopping["MaxWaitTimeInSeconds"] = _max_wait_seconds(max_runtime_seconds)
    channels = [
        _channel("dataset", dataset["uri"]),
        _channel("code", uri(settings.bucket, training_code_prefix(settings.code_asset_key))),
    ]
    if weights is not None:
        # A whole key is a prefix, too, and the file keeps its name in the channel.
        channels.append(_channel(PRETRAINED_CHANNEL, uri(settings.bucket, PRETRAINED + weights)))
    return {
        "TrainingJobName": execution.job_name(number),
        "AlgorithmSpecification": {
            "TrainingImage": settings.training_image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(CONTAINER_ENTRYPOINT),
            "MetricDefinitions": [dict(definition) for definition in METRIC_DEFINITIONS],
        },
        "RoleArn": settings.training_role_arn,
        "HyperParameters": {"recipe": work.recipe, "epochs": str(work.epochs)},
        "InputDataConfig": channels,
        "OutputDataConfig": _output(settings),
        "CheckpointConfig": {"S3Uri": checkpoints_uri(settings.bucket, execution, run)},
        "ResourceConfig": _resources(choice["instance_types"]),
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": choice["spot"],
        "EnableNetworkIsolation": True,
        "Tags": [
            {"Key": EXECUTION_TAG, "Value": execution.tag},
            {"Key": "floorplan-dino:dataset-version", "Value": dataset["version"]},
            {"Key": "floorplan-dino:code-version", "Value": training_code_prefix(settings.code_asset_key)},
            {"Key": "floorplan-dino:image", "Value": settings.training_image},
            {"Key": "floorplan-dino:preset", "Value": request.preset},
            {"Key": "floorplan-dino:run", "Value": str(run)},
            {"Key": "floorplan-dino:pretrained", "Value": weights or "none"},
        ],
    }


def _output(settings: LaunchSettings) -> dict[str, str]:
    """Where the model goes, and the customer's key for it."""
    output = {"S3OutputPath": uri(settings.bucket, TRAINING_JOBS.rstrip("/"))}
    return output | ({"KmsKeyId": settings.kms_key_arn} if settings.kms_key_arn else {})


def checkpoints_uri(bucket: str, execution: Execution, run: int) -> str:
    """The folder of one run's checkpoints: all jobs of the run share it."""
    return uri(bucket, checkpoints_prefix(execution.name, run))


def watch_interval_seconds(choice: Mapping[str, Any], configured: int) -> int:
    """Seconds between two looks: as configured, or longer if the execution's events would not last for all its runs."""
    longest = _max_wait_seconds(sum(choice["max_runtime_seconds"]))
    return max(configured, -(-longest // _EVENTS_LIMITED_LOOKS))


def _max_wait_seconds(max_runtime_seconds: int) -> int:
    """A job's training and waiting for capacity: as long again as it may train."""
    return max(max_runtime_seconds, min(2 * max_runtime_seconds, _LONGEST_WAIT_SECONDS))


def _resources(instance_types: list[str]) -> dict[str, Any]:
    """One instance; of several types the first that has capacity."""
    # All types have disks of their own, so SageMaker makes no volume; but older SDKs require a size.
    volume = {"VolumeSizeInGB": 30}
    if len(instance_types) == 1:
        return {"InstanceType": instance_types[0], "InstanceCount": 1, **volume}
    return {"InstancePreferences": [{"InstanceType": kind, "InstanceCount": 1} for kind in instance_types], **volume}


def _channel(name: str, s3_uri: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": s3_uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }
