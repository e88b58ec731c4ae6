"""What SageMaker is asked to do: the arguments of create_training_job."""

from __future__ import annotations

import json
from typing import Any

from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.execution_jobs import EXECUTION_TAG
from pipeline.job.starting_weights import CHANNEL as PRETRAINED_CHANNEL
from pipeline.quote.cost_quote import Choice
from pipeline.request import Request
from pipeline.s3_layout import PRETRAINED, TRAINING_JOBS, checkpoints_prefix, training_code_prefix, uri
from pipeline.settings import LaunchSettings
from training_code.job.metric_lines import METRIC_DEFINITIONS
from training_code.training_settings import to_text

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


def training_job_arguments(
    *,
    request: Request,
    stage: int,
    choice: Choice,
    max_runtime_seconds: int,
    dataset: DatasetCheck,
    weights: str | None,
    baselines: str | None,
    execution: Execution,
    number: int,
    settings: LaunchSettings,
) -> dict[str, Any]:
    """The keyword arguments of boto3's create_training_job.

    `stage` is an index of request.stages, `weights` the key of what it starts from, `baselines` the prefix of what its
    model is compared with. A spot job always has checkpoints: without them, each interruption would start it over.
    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    training = request.stages[stage]
    assert dataset.version is not None, "only a valid data set is trained on"
    stopping = {"MaxRuntimeInSeconds": max_runtime_seconds}
    if choice.spot:
        stopping["MaxWaitTimeInSeconds"] = max_wait_seconds(max_runtime_seconds)
    channels = [
        _channel("dataset", dataset.uri),
        _channel("code", uri(settings.bucket, training_code_prefix(settings.code_asset_key))),
    ]
    if weights is not None:
        # A whole key is a prefix as well, and the file keeps its name in the channel.
        channels.append(_channel(PRETRAINED_CHANNEL, uri(settings.bucket, weights)))
    if baselines is not None:  # SageMaker refuses a channel without an object
        channels.append(_channel("baselines", uri(settings.bucket, baselines)))
    return {
        "TrainingJobName": execution.job_name(number),
        "AlgorithmSpecification": {
            "TrainingImage": settings.training_image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(CONTAINER_ENTRYPOINT),
            "MetricDefinitions": [dict(definition) for definition in METRIC_DEFINITIONS],
        },
        "RoleArn": settings.training_role_arn,
        "HyperParameters": {
            "recipe": training.recipe,
            "epochs": str(training.epochs),
            "gate_classes": _gate_classes(request, dataset),
            "dataset_version": dataset.version,  # it may be replaced before the job copies it
            **{name: to_text(value) for name, value in training.settings.items()},
        },
        "InputDataConfig": channels,
        "OutputDataConfig": _output(settings),
        "CheckpointConfig": {"S3Uri": checkpoints_uri(settings.bucket, execution, stage)},
        "ResourceConfig": _resources(choice.instance_types, request.instance_count),
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": choice.spot,
        "EnableNetworkIsolation": True,
        "Tags": [
            {"Key": EXECUTION_TAG, "Value": execution.tag},
            {"Key": "floorplan-dino:dataset-version", "Value": dataset.version},
            {"Key": "floorplan-dino:code-version", "Value": training_code_prefix(settings.code_asset_key)},
            {"Key": "floorplan-dino:image", "Value": settings.training_image},
            {"Key": "floorplan-dino:preset", "Value": request.preset},
            {"Key": "floorplan-dino:stage", "Value": str(stage)},
            {"Key": "floorplan-dino:pretrained", "Value": weights.removeprefix(PRETRAINED) if weights else "none"},
        ],
    }


def _gate_classes(request: Request, dataset: DatasetCheck) -> str:
    """The classes by whose F1 the trainer chooses the epoch that it ships: those of the gate."""
    names = [name for name in request.quality_gate if name in dataset.classes]
    return json.dumps(
        names, ensure_ascii=False
    )  # escaped, 20 Chinese names have more than the 2,500 characters allowed


def _output(settings: LaunchSettings) -> dict[str, str]:
    """Where the model goes, and the customer's key for it."""
    output = {"S3OutputPath": uri(settings.bucket, TRAINING_JOBS.rstrip("/"))}
    return output | ({"KmsKeyId": settings.kms_key_arn} if settings.kms_key_arn else {})


def checkpoints_uri(bucket: str, execution: Execution, stage: int) -> str:
    """The folder of one stage's checkpoints, which all jobs of the stage share."""
    return uri(bucket, checkpoints_prefix(execution.name, stage))


def max_wait_seconds(max_runtime_seconds: int) -> int:
    """The limit of a job's training and waiting together: it may wait as long as it may train."""
    return max(max_runtime_seconds, min(2 * max_runtime_seconds, _LONGEST_WAIT_SECONDS))


def _resources(instance_types: tuple[str, ...], count: int) -> dict[str, Any]:
    """Instances of one type; of several types the first that has capacity."""
    # All types have disks of their own, so SageMaker makes no volume; but older SDKs require a size.
    volume = {"VolumeSizeInGB": 30}
    if len(instance_types) == 1:
        return {"InstanceType": instance_types[0], "InstanceCount": count, **volume}
    preferences = [{"InstanceType": kind, "InstanceCount": count} for kind in instance_types]
    return {"InstancePreferences": preferences, **volume}


def _channel(name: str, s3_uri: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": s3_uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }
