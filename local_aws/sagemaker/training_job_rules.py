"""The rules of CreateTrainingJob that the service model cannot express, and what this server cannot embed.

Sources: the API reference of CreateTrainingJob, StoppingCondition and ResourceConfig, and what the service answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.instance_types import INSTANCE_TYPES

from local_aws.api_errors import ApiError, invalid, not_embedded

DAY = 24 * 3600
LONGEST_RUN_TIME = 28 * DAY
DEFAULT_RUN_TIME = DAY
# An account's quota "Longest run time for a training job" before anybody asks for more.
RUN_TIME_QUOTA = 5 * DAY
ECR_IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9._/-]+([:@][\w.:-]+)?")
CONTAINER_ROOT = "/opt/ml"


def check_training_job(request: dict[str, Any]) -> None:
    """Check a request that conforms to the service model; raises ApiError."""
    check_algorithm(request)
    check_resources(request)
    check_stopping_condition(request)
    check_channels(request.get("InputDataConfig", []))
    check_tags(request.get("Tags", []))
    if not request["OutputDataConfig"]["S3OutputPath"].startswith("s3://"):
        raise invalid("OutputDataConfig.S3OutputPath must be an S3 URI.")
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        raise not_embedded("OutputDataConfig.CompressionType NONE")
    checkpoints = request.get("CheckpointConfig", {})
    if not checkpoints.get("S3Uri", "s3://").startswith("s3://"):
        raise invalid("CheckpointConfig.S3Uri must be an S3 URI.")
    if not f"{checkpoints.get('LocalPath', CONTAINER_ROOT)}/".startswith(f"{CONTAINER_ROOT}/"):
        raise not_embedded(f"checkpoints outside {CONTAINER_ROOT}")


def check_algorithm(request: dict[str, Any]) -> None:
    """The image, what runs in it, and its metrics."""
    if "ServerlessJobConfig" in request:
        raise not_embedded("serverless jobs")
    algorithm = request.get("AlgorithmSpecification")
    if algorithm is None:
        raise invalid("AlgorithmSpecification is required.")
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise invalid("You must specify either the algorithm name or the training image, not both.")
    if "AlgorithmName" in algorithm:
        raise not_embedded("AlgorithmName")
    if not ECR_IMAGE.fullmatch(algorithm["TrainingImage"]):
        raise invalid(f"Invalid image: {algorithm['TrainingImage']}. It must be the registry path of an ECR image.")
    if algorithm["TrainingInputMode"] == "Pipe":
        raise not_embedded("TrainingInputMode Pipe")
    if "ContainerEntrypoint" not in algorithm:
        raise not_embedded("the image's own entrypoint; give ContainerEntrypoint")
    names = [definition["Name"] for definition in algorithm.get("MetricDefinitions", [])]
    if len(set(names)) != len(names):
        raise invalid("MetricDefinitions must have different names.")
    for definition in algorithm.get("MetricDefinitions", []):
        try:
            groups = re.compile(definition["Regex"]).groups
        except re.error as error:
            raise invalid(f"Invalid regular expression for metric {definition['Name']}: {error}.") from None
        if groups == 0:
            raise invalid(f"The regular expression for metric {definition['Name']} has no group for the value.")


def check_resources(request: dict[str, Any]) -> None:
    """Instances: one kind of them, and on what terms."""
    resources = request.get("ResourceConfig")
    if resources is None:
        raise invalid("ResourceConfig is required.")
    for read_only in ("SelectedInstanceType", "SelectedInstanceCount"):
        if read_only in resources:
            raise invalid(f"ResourceConfig.{read_only} is read-only.")
    preferences = resources.get("InstancePreferences")
    if preferences is not None:
        for other in ("InstanceType", "InstanceGroups", "InstancePlacementConfig"):
            if other in resources:
                raise invalid(f"InstancePreferences and {other} are mutually exclusive.")
        if request.get("EnableManagedSpotTraining"):
            raise invalid("InstancePreferences and EnableManagedSpotTraining are mutually exclusive.")
    elif "InstanceGroups" in resources:
        raise not_embedded("InstanceGroups")
    elif "InstanceType" not in resources:
        raise invalid("ResourceConfig.InstanceType is required.")
    counts = [resources.get("InstanceCount")] + [preference.get("InstanceCount") for preference in preferences or []]
    given = [count for count in counts if count is not None]
    if not given or min(given) < 1:
        raise invalid("ResourceConfig.InstanceCount must be at least 1.")
    if len(set(given)) > 1:
        raise not_embedded("instance types with different InstanceCounts")
    disks = [INSTANCE_TYPES[name].local_disk_gb for name in instance_types(request) if name in INSTANCE_TYPES]
    if "VolumeKmsKeyId" in resources and any(disks):
        raise invalid("VolumeKmsKeyId cannot be used with instance types that have local storage.")


def instance_count(request: Mapping[str, Any]) -> int:
    """On how many instances the job runs, whatever their type."""
    resources = request["ResourceConfig"]
    return int((resources.get("InstancePreferences") or [resources])[0]["InstanceCount"])


def instance_types(request: dict[str, Any]) -> list[str]:
    """The job's instance types in order of preference."""
    resources = request["ResourceConfig"]
    preferences = resources.get("InstancePreferences")
    return [preference["InstanceType"] for preference in preferences] if preferences else [resources["InstanceType"]]


def check_stopping_condition(request: dict[str, Any]) -> None:
    """How long it may run, and for spot how long it may take."""
    condition = request.get("StoppingCondition", {})
    run_time = condition.get("MaxRuntimeInSeconds", DEFAULT_RUN_TIME)
    if run_time > LONGEST_RUN_TIME:
        raise invalid(f"MaxRuntimeInSeconds {run_time} is more than {LONGEST_RUN_TIME} (28 days).")
    if run_time > RUN_TIME_QUOTA:
        raise ApiError(
            "ResourceLimitExceeded",
            "The account-level service limit 'Longest run time for a training job' is "
            f"{RUN_TIME_QUOTA} Seconds, with a request of {run_time} Seconds. "
            "Please use AWS Service Quotas to request an increase for this quota.",
        )
    wait_time = condition.get("MaxWaitTimeInSeconds")
    if not request.get("EnableManagedSpotTraining"):
        if wait_time is not None:
            raise invalid("MaxWaitTimeInSeconds may only be given when EnableManagedSpotTraining is true.")
    elif wait_time is None or wait_time < run_time:
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def check_channels(channels: list[dict[str, Any]]) -> None:
    """Input channels: different names, one source each."""
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) != len(names):
        raise invalid("Channel names must be unique.")
    for channel in channels:
        if len(channel["DataSource"]) != 1:
            raise invalid(f"Channel {channel['ChannelName']} must have exactly one data source.")
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] != "S3Prefix":
            raise not_embedded("channels other than S3Prefix")
        if not source["S3Uri"].startswith("s3://"):
            raise invalid(f"Channel {channel['ChannelName']}: S3Uri must be an S3 URI.")
        if channel.get("InputMode") == "Pipe" or channel.get("CompressionType", "None") != "None":
            raise not_embedded("channels in Pipe mode or compressed ones")


def check_tags(tags: list[dict[str, str]]) -> None:
    """Tags: different keys, none of AWS's own."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) != len(keys):
        raise invalid("Duplicate tag keys found. Please note that tag keys are case sensitive.")
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("aws: prefixed tag key names are not allowed for external use.")
