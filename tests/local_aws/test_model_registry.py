"""The model registry: groups, numbered packages, approval, and lists of them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from pipeline.model.approved_models import newest_approved
from pipeline.model.registry import last_accepted

from runs.approve import go_back
from tests.local_aws.conftest import Account

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker"

PACKAGES = "arn:aws:sagemaker:us-east-1:000000000000:model-package"


def new_group(account: Account) -> str:
    name = f"group-{next(account.names)}"
    account.client("sagemaker").create_model_package_group(
        ModelPackageGroupName=name, ModelPackageGroupDescription="Walls & rooms: AP, F1 (50 epochs)."
    )
    return name


def register(account: Account, group: str, **more: Any) -> str:
    return str(
        account.client("sagemaker").create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://training/job/output/model.tar.gz"}],
                "SupportedContentTypes": ["image/png"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            CustomerMetadataProperties={"ap": "0.71", "dataset": "abc"},
            **more,
        )["ModelPackageArn"]
    )


def versions(account: Account, group: str, **filters: Any) -> list[int]:
    pages = (
        account.client("sagemaker")
        .get_paginator("list_model_packages")
        .paginate(ModelPackageGroupName=group, PaginationConfig={"PageSize": 1}, **filters)
    )
    return [package["ModelPackageVersion"] for page in pages for package in page["ModelPackageSummaryList"]]


def test_a_package_waits_for_approval_with_what_was_registered(account: Account) -> None:
    group = new_group(account)
    arn = register(account, group)
    sagemaker = account.client("sagemaker")
    assert arn.endswith(f":model-package/{group}/1")
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ModelPackageStatus"] == "Completed"
    assert package["CustomerMetadataProperties"] == {"ap": "0.71", "dataset": "abc"}
    assert package["InferenceSpecification"]["Containers"][0]["Image"] == IMAGE


def test_the_same_client_token_registers_once(account: Account) -> None:
    group = new_group(account)
    first = register(account, group, ClientToken=f"{group}-a")
    assert register(account, group, ClientToken=f"{group}-a") == first
    assert register(account, group, ClientToken=f"{group}-b") != first
    assert versions(account, group) == [1, 2]


def test_the_last_approved_package_is_found(account: Account) -> None:
    group = new_group(account)
    sagemaker = account.client("sagemaker")
    arns = [register(account, group) for _ in range(4)]
    for arn in arns[:3]:
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.update_model_package(ModelPackageArn=arns[2], ModelApprovalStatus="Rejected", ApprovalDescription="no")
    newest_first = {"SortBy": "CreationTime", "SortOrder": "Descending"}
    assert versions(account, group, **newest_first) == [4, 3, 2, 1]
    assert versions(account, group, ModelApprovalStatus="Approved", **newest_first) == [2, 1]
    page = sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortOrder="Descending", MaxResults=1
    )
    assert page["ModelPackageSummaryList"] == [], "of the newest package"
    assert page["NextToken"]
    assert sagemaker.describe_model_package(ModelPackageName=arns[2])["ApprovalDescription"] == "no"


def test_after_going_back_the_one_approved_before_is_compared_with_and_served(account: Account) -> None:
    """Whoever asks for the newest approved model: Judge, and the function that predicts."""
    group, sagemaker = new_group(account), account.client("sagemaker")
    first, second = (register(account, group) for _ in range(2))
    for arn in (first, second):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert last_accepted(sagemaker, group).arn == second  # type: ignore[union-attr]
    assert go_back(sagemaker, group) == (first, second)
    assert last_accepted(sagemaker, group).arn == first  # type: ignore[union-attr]
    sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus="Approved")
    model = newest_approved(sagemaker, group)
    assert model is not None
    assert (model.arn, model.version) == (second, 2)


def test_what_does_not_exist_or_exists_already_is_refused(account: Account) -> None:
    sagemaker = account.client("sagemaker")
    group = new_group(account)
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    for call in (
        lambda: sagemaker.update_model_package(ModelPackageArn=f"{PACKAGES}/{group}/7", ModelApprovalStatus="Approved"),
        lambda: sagemaker.describe_model_package(ModelPackageName=f"{group}/7"),
        lambda: sagemaker.list_model_packages(ModelPackageGroupName="none"),
        lambda: register(account, "none"),
    ):
        with pytest.raises(ClientError, match=r"\(ValidationException\).*does not exist"):
            call()


def test_a_version_takes_no_tags_and_no_name(account: Account) -> None:
    group = new_group(account)
    with pytest.raises(ClientError, match="tag its group"):
        register(account, group, Tags=[{"Key": "k", "Value": "v"}])
    with pytest.raises(ClientError, match="cannot be specified"):
        register(account, group, ModelPackageName="mine")


def test_what_is_not_embedded_is_refused_instead_of_ignored(account: Account) -> None:
    sagemaker = account.client("sagemaker")
    group = new_group(account)
    for call in (
        sagemaker.list_model_packages,
        lambda: sagemaker.list_model_packages(ModelPackageGroupName=group, SortBy="Name"),
        lambda: sagemaker.list_model_packages(ModelPackageGroupName=group, NameContains="x"),
        lambda: sagemaker.create_model_package(ModelPackageName="mine"),
        lambda: register(account, group, Domain="COMPUTER_VISION"),
    ):
        with pytest.raises(ClientError, match=r"\(NotEmbedded\)"):
            call()
