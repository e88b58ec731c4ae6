"""SageMaker's model registry: the last accepted model, and the registration of a new one, pending approval."""

import hashlib
import math
import re
from collections.abc import Mapping

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.client_types import SageMakerClient
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.model.approved_models import newest_approved
from pipeline.model.quality_gate import AcceptedModel

AP, DATASET_VERSION = "ap", "dataset_version"
"""The keys of a package's metadata with which the next model is compared."""
_NOT_IN_METADATA = re.compile(r"[^\w .:/=+@-]")


def make_group(sagemaker: SageMakerClient, group: str) -> None:
    """Create the group of model packages unless it exists. Raises AwsUnavailable."""
    try:
        with raising_unavailable():
            sagemaker.create_model_package_group(
                ModelPackageGroupName=group,
                ModelPackageGroupDescription="DINO detectors of rooms and walls, one version a run of the pipeline",
            )
    except ClientError as error:
        exists = error_code(error) in ("ResourceInUse", "ConflictException") or "exist" in error_message(error)
        if not exists:
            raise


def last_accepted(sagemaker: SageMakerClient, group: str) -> AcceptedModel | None:
    """The newest approved package of the group; None if there is none. Raises AwsUnavailable."""
    model = newest_approved(sagemaker, group)
    if model is None:
        return None
    return AcceptedModel(
        arn=model.arn, ap=_number(model.metadata.get(AP)), dataset_version=model.metadata.get(DATASET_VERSION)
    )


def register_model(
    sagemaker: SageMakerClient,
    *,
    group: str,
    image: str,
    model_uri: str,
    metrics_uri: str,
    description: str,
    metadata: Mapping[str, str],
    execution: Execution,
) -> str:
    """Register the model as pending approval and return its package's ARN, which is the same for a second try.

    Raises AwsUnavailable, also while another run registers its model in the group.
    """
    try:
        with raising_unavailable():
            return sagemaker.create_model_package(
                ModelPackageGroupName=group,
                ModelPackageDescription=_NOT_IN_METADATA.sub("-", description)[:1024],
                ModelApprovalStatus="PendingManualApproval",
                InferenceSpecification={"Containers": [{"Image": image, "ModelDataUrl": model_uri}]},
                ModelMetrics={
                    "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": metrics_uri}}
                },
                CustomerMetadataProperties={
                    _NOT_IN_METADATA.sub("-", key)[:128]: _NOT_IN_METADATA.sub("-", value)[:256]
                    for key, value in list(metadata.items())[:50]  # it takes no more
                },
                ClientToken=hashlib.sha256(f"{execution.arn} {execution.started.isoformat()}".encode()).hexdigest()[
                    :36
                ],
            )["ModelPackageArn"]
    except ClientError as error:
        if error_code(error) != "ConflictException":
            raise
        raise AwsUnavailable(f"The group {group} is being changed: {error_message(error)}") from error


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
