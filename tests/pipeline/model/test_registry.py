"""The registry: one group, the last approved package, and one registration for each execution."""

import re
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY
from hypothesis import given
from hypothesis import strategies as st
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.model.approved_models import approved_models
from pipeline.model.quality_gate import AcceptedModel
from pipeline.model.registry import last_accepted, make_group, register_model

from tests.pipeline.conftest import StubbedClient, context

GROUP = "floorplan-dino"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/3"
AT = datetime(2026, 11, 20, tzinfo=UTC)


def test_the_group_is_made_once(sagemaker: StubbedClient) -> None:
    arn = {"ModelPackageGroupArn": ARN.replace("package/", "package-group/")}
    sagemaker.expect("create_model_package_group", arn, ModelPackageGroupName=GROUP, ModelPackageGroupDescription=ANY)
    make_group(sagemaker.client, GROUP)
    sagemaker.refuse("create_model_package_group", "ValidationException", "Model Package Group already exists: x")
    make_group(sagemaker.client, GROUP)


def test_a_group_that_may_not_be_made_is_a_fault(sagemaker: StubbedClient) -> None:
    sagemaker.refuse("create_model_package_group", "AccessDeniedException", "not authorized")
    with pytest.raises(sagemaker.client.exceptions.ClientError):
        make_group(sagemaker.client, GROUP)


def expect_packages(sagemaker: StubbedClient, *arns: str, token: str = "", following: str = "") -> None:
    """A page of the list: the one that `token` asks for, and which one follows."""
    summaries = [
        {
            "ModelPackageGroupName": GROUP,
            "ModelPackageArn": arn,
            "CreationTime": AT,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": "Approved",
        }
        for arn in arns
    ]
    sagemaker.expect(
        "list_model_packages",
        {"ModelPackageSummaryList": summaries, **({"NextToken": following} if following else {})},
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=100,
        **({"NextToken": token} if token else {}),
    )


@pytest.mark.parametrize(("ap", "read"), [("0.713500", 0.7135), ("nan", None), ("high", None), (None, None)])
def test_the_last_accepted_model_tells_its_ap(sagemaker: StubbedClient, ap: str | None, read: float | None) -> None:
    expect_packages(sagemaker, ARN)
    answer: dict[str, Any] = {
        "ModelPackageName": "x",
        "ModelPackageArn": ARN,
        "CreationTime": AT,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
    }
    metadata = {"dataset_version": "v"} | ({} if ap is None else {"ap": ap})
    sagemaker.expect("describe_model_package", answer | {"CustomerMetadataProperties": metadata}, ModelPackageName=ARN)
    assert last_accepted(sagemaker.client, GROUP) == AcceptedModel(arn=ARN, ap=read, dataset_version="v")


def test_without_an_accepted_model_there_is_none(sagemaker: StubbedClient) -> None:
    expect_packages(sagemaker)
    assert last_accepted(sagemaker.client, GROUP) is None


def test_without_a_group_there_is_none(sagemaker: StubbedClient) -> None:
    sagemaker.refuse("list_model_packages", "ValidationException", f"ModelPackageGroup {GROUP} does not exist.")
    assert last_accepted(sagemaker.client, GROUP) is None


def test_pages_without_an_approved_package_are_passed_over(sagemaker: StubbedClient) -> None:
    """There are more packages that wait for approval, or were rejected, than a page has."""
    expect_packages(sagemaker, following="2")
    expect_packages(sagemaker, token="2", following="3")  # noqa: S106 - a page's
    expect_packages(sagemaker, ARN, ARN.replace("/3", "/2"), token="3", following="4")  # noqa: S106
    assert approved_models(sagemaker.client, GROUP, most=1) == [ARN]


def test_a_registry_that_refuses_is_a_fault(sagemaker: StubbedClient) -> None:
    sagemaker.refuse("list_model_packages", "AccessDeniedException", "not authorized")
    with pytest.raises(sagemaker.client.exceptions.ClientError):
        last_accepted(sagemaker.client, GROUP)


def test_a_busy_registry_is_asked_again(sagemaker: StubbedClient) -> None:
    sagemaker.refuse("list_model_packages", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable):
        last_accepted(sagemaker.client, GROUP)


class Registry:
    """Keeps what is registered."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def create_model_package(self, **request: Any) -> dict[str, str]:
        self.requests.append(request)
        return {"ModelPackageArn": ARN}


def register(registry: Any, execution: Execution, metadata: dict[str, str], description: str = "AP 0.7.") -> str:
    return register_model(
        registry,
        group=GROUP,
        image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13",
        model_uri="s3://bucket/training-jobs/job/output/model.tar.gz",
        metrics_uri="s3://bucket/reports/run/metrics-0.json",
        description=description,
        metadata=metadata,
        execution=execution,
    )


def test_a_group_that_another_run_changes_is_asked_again(sagemaker: StubbedClient, execution: Execution) -> None:
    sagemaker.refuse("create_model_package", "ConflictException", "The model package group is being updated.")
    with pytest.raises(AwsUnavailable):
        register(sagemaker.client, execution, {})


def test_a_model_waits_for_approval_with_its_metrics(sagemaker: StubbedClient, execution: Execution) -> None:
    sagemaker.expect(
        "create_model_package",
        {"ModelPackageArn": ARN},
        ModelPackageGroupName=GROUP,
        ModelPackageDescription="AP 0.7.",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13",
                    "ModelDataUrl": "s3://bucket/training-jobs/job/output/model.tar.gz",
                }
            ]
        },
        ModelMetrics={
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": "s3://bucket/reports/run/metrics-0.json"}
            }
        },
        CustomerMetadataProperties={"ap": "0.7"},
        ClientToken=ANY,
    )
    assert register(sagemaker.client, execution, {"ap": "0.7"}) == ARN


def test_a_second_try_registers_nothing_else_and_another_execution_does(execution: Execution) -> None:
    registry = Registry()
    for each in (execution, Execution.from_context(context(RedriveCount=1)), Execution.from_context(context(Id="x"))):
        register(registry, each, {"ap": "0.7"})
    tokens = [request["ClientToken"] for request in registry.requests]
    assert tokens[0] == tokens[1] != tokens[2]


MODEL = botocore.session.get_session().get_service_model("sagemaker")


@given(st.dictionaries(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=300), min_size=1, max_size=60))
def test_metadata_is_what_the_registry_takes_whatever_classes_are_called(metadata: dict[str, str]) -> None:
    registry = Registry()
    register(registry, Execution.from_context(context()), metadata, description="".join(metadata)[:2000])
    (request,) = registry.requests
    taken = request["CustomerMetadataProperties"]
    assert 1 <= len(taken) <= MODEL.shape_for("CustomerMetadataMap").metadata["max"]
    for text, shape in [(key, "CustomerMetadataKey") for key in taken] + [
        (value, "CustomerMetadataValue") for value in taken.values()
    ]:
        assert 1 <= len(text) <= MODEL.shape_for(shape).metadata["max"]
        assert re.fullmatch(r"[\w .:/=+@-]*", text)
    assert re.fullmatch(MODEL.shape_for("ClientToken").metadata["pattern"], request["ClientToken"])
    assert len(request["ClientToken"]) <= 36
    assert len(request["ModelPackageDescription"]) <= 1024
