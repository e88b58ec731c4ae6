"""Starts the training job once, however often the step is tried again or the execution redriven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.errors import AwsUnavailable, LaunchFailed
from pipeline.execution import Execution
from pipeline.job_state import describe_job
from pipeline.pretrained_weights import choose_weights
from pipeline.request import Request
from pipeline.s3_layout import training_code_prefix
from pipeline.settings import LaunchSettings
from pipeline.training_job import CODE_ARCHIVE, EXECUTION_TAG, training_job_arguments, watch_interval_seconds

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


def start_job(
    sagemaker: SageMakerClient,
    s3: S3Client,
    *,
    request: Request,
    dataset: Mapping[str, Any],
    execution: Execution,
    settings: LaunchSettings,
) -> dict[str, Any]:
    """Create this execution's training job, or take the one it already has; return what Watch needs.

    Raises LaunchFailed with SageMaker's reason or what is missing, or AwsUnavailable if a second try may help.
    """
    name = _earlier_job(sagemaker, execution)
    if name is None:
        weights = choose_weights(s3, bucket=settings.bucket, request=request)
        _copy_code(s3, settings)
        arguments = training_job_arguments(
            request=request, dataset=dataset, weights=weights, execution=execution, settings=settings
        )
        name = execution.job_name()
        _create(sagemaker, arguments, execution)
    return {
        "name": name,
        "instance_type": request.instance_type,
        "watch_interval_seconds": watch_interval_seconds(request, settings.watch_interval),
    }


def _earlier_job(sagemaker: SageMakerClient, execution: Execution) -> str | None:
    """The job that this execution started before it was redriven, if that still runs or has done its work."""
    for name in execution.job_names()[1:]:
        job = describe_job(sagemaker, name)
        if job is not None:
            return name if job["TrainingJobStatus"] in ("InProgress", "Completed") else None
    return None


def _copy_code(s3: S3Client, settings: LaunchSettings) -> None:
    """Keep the code that trains a model beside it.

    The deployment's assets may go with the next deployment, while a spot job fetches its code again at each restart.
    """
    key = training_code_prefix(settings.code_asset_key) + CODE_ARCHIVE
    source = {"Bucket": settings.code_asset_bucket, "Key": settings.code_asset_key}
    try:
        with raising_unavailable():
            s3.copy_object(
                Bucket=settings.bucket, Key=key, CopySource={"Bucket": source["Bucket"], "Key": source["Key"]}
            )
    except ClientError as error:
        raise LaunchFailed(
            f"The training code s3://{source['Bucket']}/{source['Key']} could not be copied: {error_message(error)} "
            "Deploy the stack again."
        ) from error


def _create(sagemaker: SageMakerClient, arguments: dict[str, Any], execution: Execution) -> None:
    name = arguments["TrainingJobName"]
    try:
        with raising_unavailable():
            sagemaker.create_training_job(**arguments)
    except ClientError as error:
        if _name_is_taken(error):
            _take(sagemaker, name, execution)
            return
        raise LaunchFailed(_refusal(error, name, arguments["ResourceConfig"]["InstanceType"])) from error


def _name_is_taken(error: ClientError) -> bool:
    return error_code(error) == "ResourceInUse" or "already exists" in error_message(error)


def _take(sagemaker: SageMakerClient, name: str, execution: Execution) -> None:
    """Accept the job `name` as ours if it carries this execution's tag."""
    job = describe_job(sagemaker, name)
    if job is None:  # visible to CreateTrainingJob, not yet to DescribeTrainingJob
        raise AwsUnavailable(f"SageMaker says that {name} exists, but does not show it yet.")
    with raising_unavailable():
        tags = sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    if {"Key": EXECUTION_TAG, "Value": execution.tag} not in tags:
        raise LaunchFailed(
            f"There already is a training job {name} that this execution did not start: "
            "start a new execution under another name."
        )


def _refusal(error: ClientError, name: str, instance_type: str) -> str:
    if error_code(error) == "ResourceLimitExceeded":
        remedy = (
            f"Ask for a higher quota of {instance_type} in the Service Quotas console (Amazon SageMaker AI; 'for "
            "training job usage' and 'for spot training job usage' are two quotas), or choose another instance_type."
        )
    else:
        remedy = "Compare the request with what it names."
    return f"SageMaker did not accept the training job {name} ({error_code(error)}): {error_message(error)} {remedy}"
