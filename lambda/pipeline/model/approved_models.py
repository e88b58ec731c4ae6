"""Which models of the registry are approved: the newest of them is compared with, and serves."""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.client_types import SageMakerClient


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedModel:
    """An approved package of the group."""

    arn: str
    version: int
    """Its number in the group."""
    model_uri: str
    """s3://... of its model.tar.gz."""
    metadata: Mapping[str, str]


def approved_models(sagemaker: SageMakerClient, group: str, *, most: int) -> list[str]:
    """The ARNs of the group's newest approved packages, newest first, at most so many; none if there is no group yet.

    SageMaker looks through a page of the group's packages at a time: one without an approved package is empty, and
    tells the next. Raises AwsUnavailable.
    """
    found: list[str] = []
    next_page: dict[str, str] = {}
    while True:
        try:
            with raising_unavailable():
                listed = sagemaker.list_model_packages(
                    ModelPackageGroupName=group,
                    ModelApprovalStatus="Approved",
                    SortBy="CreationTime",
                    SortOrder="Descending",
                    MaxResults=100,
                    **next_page,  # type: ignore[arg-type] # the stubs take it for any of the arguments
                )
        except ClientError as error:
            if error_code(error) in ("ValidationException", "ResourceNotFound") and "exist" in error_message(error):
                return []
            raise
        found += [package["ModelPackageArn"] for package in listed["ModelPackageSummaryList"]]
        if len(found) >= most or "NextToken" not in listed:
            return found[:most]
        next_page = {"NextToken": listed["NextToken"]}


def newest_approved(sagemaker: SageMakerClient, group: str) -> ApprovedModel | None:
    """The newest approved package of the group; None if there is none. Raises AwsUnavailable."""
    arns = approved_models(sagemaker, group, most=1)
    if not arns:
        return None
    with raising_unavailable():
        package = sagemaker.describe_model_package(ModelPackageName=arns[0])
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    return ApprovedModel(
        arn=arns[0],
        version=package.get("ModelPackageVersion", 0),
        model_uri=containers[0].get("ModelDataUrl", "") if containers else "",
        metadata=package.get("CustomerMetadataProperties", {}),
    )
