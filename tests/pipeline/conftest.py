"""One execution, its settings, and AWS clients that answer what a test tells them to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.launched_job import LaunchedJob
from pipeline.quote.cost_quote import Choice, Quote
from pipeline.request import Request
from pipeline.request_input import parse_request
from pipeline.settings import Defaults, LaunchSettings

REGION = "us-east-1"


@pytest.fixture
def execution() -> Execution:
    return Execution.from_context(context())


def context(**more: Any) -> dict[str, Any]:
    """$$.Execution as Step Functions gives it."""
    machine = "arn:aws:states:us-east-1:123456789012:execution:Pipeline"
    return {
        "Id": f"{machine}:3f1b1c9e-8a52-4a0e-9d7b-0f6f6c8a1d2e",
        "Input": {},
        "Name": "3f1b1c9e-8a52-4a0e-9d7b-0f6f6c8a1d2e",
        "RoleArn": "arn:aws:iam::123456789012:role/Pipeline",
        "StartTime": "2026-11-20T10:00:00.123Z",
        **more,
    }


@pytest.fixture
def defaults() -> Defaults:
    return Defaults(
        dataset_prefix="dino-data",
        preset="test",
        instance_type="ml.g5.2xlarge",
        quality_gate={"room": 0.895},
        highest_cost_usd=200,
    )


@pytest.fixture
def request_(defaults: Defaults) -> Request:
    return parse_request({}, defaults)


@pytest.fixture
def dataset() -> DatasetCheck:
    """What Validate puts into the state."""
    return DatasetCheck(
        uri="s3://bucket/dino-data/",
        status="valid",
        version="0" * 64,
        images=8,
        annotations=16,
        splits={"train": 5, "val": 2, "test": 1},
        classes=("wall", "room"),
        errors=0,
        warnings=0,
        report_uri="s3://bucket/reports/run/report.json",
        cause=None,
    )


@pytest.fixture
def quote() -> Quote:
    return accepted_quote()


def accepted_quote() -> Quote:
    """What Quote puts into the state: two types, each as spot."""
    prices = {"ml.g5.2xlarge": 1.515, "ml.g6.2xlarge": 1.222}
    return Quote(
        accepted=True,
        error=None,
        cause=None,
        sentence="About 1.7 h and 2.53 USD on demand.",
        hours=1.667,
        usd=2.53,
        usd_with_spot=None,
        images_per_second=2.7,
        speed_source="measured",
        price_source="the AWS Price List's prices of us-east-1",
        usd_per_hour=prices,
        notes=("The quotas are not known: Service Quotas refused.",),
        choices=tuple(
            Choice(
                instance_types=(name,),
                instance_count=1,
                spot=True,
                usd_per_hour=price,
                hours=1.5,
                usd=round(1.5 * price, 2),
                max_runtime_seconds=(21600,),
            )
            for name, price in prices.items()
        ),
    )


@pytest.fixture
def job(execution: Execution) -> LaunchedJob:
    return launched_job(execution)


def launched_job(execution: Execution) -> LaunchedJob:
    """What Launch puts into the state: the first choice's job."""
    return LaunchedJob(
        name=execution.job_name(0),
        stage=0,
        choice=0,
        number=0,
        redrive_count=0,
        instance_types=("ml.g5.2xlarge",),
        spot=True,
        cost_before_usd=0.0,
        max_runtime_seconds=21600,
        checkpoints_uri=f"s3://bucket/checkpoints/{execution.name}/0/",
        watch_interval_seconds=60,
    )


@pytest.fixture
def settings() -> LaunchSettings:
    return LaunchSettings(
        bucket="bucket",
        training_image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker",
        training_role_arn="arn:aws:iam::123456789012:role/Training",
        code_asset_bucket="assets",
        code_asset_key="abc123.zip",
        watch_interval_seconds=60,
    )


def listed(*keys: str) -> dict[str, Any]:
    """ListObjectsV2's answer."""
    return {"Contents": [{"Key": key, "Size": 1} for key in keys]} if keys else {}


JOB_NOT_FOUND = ("describe_training_job", "ValidationException", "Requested resource not found.")
"""How StubbedClient.refuse() has SageMaker say that there is no such job."""


class StubbedClient:
    """A boto3 client whose every call must be announced, with parameters and answer in the service's own model."""

    def __init__(self, service: str) -> None:
        self.client = boto3.client(
            service,  # type: ignore[call-overload]  # boto3's types know each name, not their union
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106  nobody's
        )
        self._stubber = Stubber(self.client)
        self._stubber.activate()

    def expect(self, operation: str, answer: dict[str, Any], **parameters: Any) -> None:
        self._stubber.add_response(operation, answer, parameters or None)

    def refuse(self, operation: str, code: str, message: str = "no", status: int = 400) -> None:
        self._stubber.add_client_error(operation, code, message, status)

    def refuse_further_jobs(self) -> None:
        """There are no jobs but those that were expected: it is asked for four numbers more."""
        for _ in range(4):
            self.refuse(*JOB_NOT_FOUND)

    def assert_all_called(self) -> None:
        self._stubber.assert_no_pending_responses()


@pytest.fixture
def sagemaker() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("sagemaker")
    yield stubbed
    stubbed.assert_all_called()


@pytest.fixture
def sns() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("sns")
    yield stubbed
    stubbed.assert_all_called()


@pytest.fixture
def s3() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("s3")
    yield stubbed
    stubbed.assert_all_called()


@pytest.fixture
def stepfunctions() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("stepfunctions")
    yield stubbed
    stubbed.assert_all_called()


@pytest.fixture
def logs() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("logs")
    yield stubbed
    stubbed.assert_all_called()


@pytest.fixture
def cloudwatch() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("cloudwatch")
    yield stubbed
    stubbed.assert_all_called()


def described_job(name: str, status: str = "InProgress", secondary: str = "Training", **more: Any) -> dict[str, Any]:
    """DescribeTrainingJob's answer."""
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
        "TrainingJobStatus": status,
        "SecondaryStatus": secondary,
        "CreationTime": datetime(2026, 11, 20, 10, tzinfo=UTC),
        "LastModifiedTime": datetime(2026, 11, 20, 11, tzinfo=UTC),
        # SageMaker says where the model will lie long before it lies there.
        "ModelArtifacts": {"S3ModelArtifacts": f"s3://bucket/training-jobs/{name}/output/model.tar.gz"},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 21600, "MaxWaitTimeInSeconds": 43200},
        **more,
    }
