"""Launch starts one job, however often it is called."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from pipeline.errors import AwsUnavailable, LaunchFailed
from pipeline.execution import Execution
from pipeline.job_start import start_job
from pipeline.request import Request
from pipeline.settings import LaunchSettings
from pipeline.training_job import EXECUTION_TAG, training_job_arguments

from tests.pipeline.conftest import StubbedClient, context, described_job, listed


@dataclass(frozen=True)
class Launch:
    """One launch, with the answers that AWS is to give."""

    sagemaker: StubbedClient
    s3: StubbedClient
    request: Request
    dataset: dict[str, Any]
    settings: LaunchSettings

    def expect_weights_and_code(self) -> None:
        self.s3.expect("list_objects_v2", listed())
        self.s3.expect("copy_object", {"CopyObjectResult": {}})

    def start(self, execution: Execution) -> dict[str, Any]:
        return start_job(
            self.sagemaker.client,
            self.s3.client,
            request=self.request,
            dataset=self.dataset,
            execution=execution,
            settings=self.settings,
        )


@pytest.fixture
def launch(
    sagemaker: StubbedClient, s3: StubbedClient, request_: Request, dataset: dict[str, Any], settings: LaunchSettings
) -> Launch:
    return Launch(sagemaker, s3, request_, dataset, settings)


def created(execution: Execution) -> dict[str, Any]:
    return {"TrainingJobArn": described_job(execution.job_name())["TrainingJobArn"]}


def test_the_code_is_copied_beside_the_data_and_the_job_created(launch: Launch, execution: Execution) -> None:
    launch.s3.expect("list_objects_v2", listed("pretrained/resnet50.pth"), Bucket="bucket", Prefix="pretrained/")
    launch.s3.expect(
        "copy_object",
        {"CopyObjectResult": {}},
        Bucket="bucket",
        Key="training-code/abc123/training_code.zip",
        CopySource={"Bucket": "assets", "Key": "abc123.zip"},
    )
    arguments = training_job_arguments(
        request=launch.request,
        dataset=launch.dataset,
        weights="resnet50.pth",
        execution=execution,
        settings=launch.settings,
    )
    launch.sagemaker.expect("create_training_job", created(execution), **arguments)
    assert launch.start(execution) == {
        "name": execution.job_name(),
        "instance_type": "ml.g5.2xlarge",
        "watch_interval_seconds": 60,
    }


@pytest.mark.parametrize(
    ("code", "message"),
    [("ResourceInUse", "Training job names must be unique"), ("ValidationException", "The job already exists")],
)
def test_a_retry_takes_the_job_that_the_first_try_created(
    launch: Launch, execution: Execution, code: str, message: str
) -> None:
    job = described_job(execution.job_name())
    launch.expect_weights_and_code()
    launch.sagemaker.refuse("create_training_job", code, message)
    launch.sagemaker.expect("describe_training_job", job, TrainingJobName=execution.job_name())
    tags = [{"Key": "other", "Value": "tag"}, {"Key": EXECUTION_TAG, "Value": execution.tag}]
    launch.sagemaker.expect("list_tags", {"Tags": tags}, ResourceArn=job["TrainingJobArn"])
    assert launch.start(execution)["name"] == execution.job_name()


def test_a_job_of_somebody_else_is_not_taken(launch: Launch, execution: Execution) -> None:
    launch.expect_weights_and_code()
    launch.sagemaker.refuse("create_training_job", "ResourceInUse")
    launch.sagemaker.expect("describe_training_job", described_job(execution.job_name()))
    launch.sagemaker.expect("list_tags", {"Tags": [{"Key": EXECUTION_TAG, "Value": "another"}]})
    with pytest.raises(LaunchFailed, match="this execution did not start"):
        launch.start(execution)


def test_a_job_that_is_created_but_not_shown_yet_is_asked_for_again(launch: Launch, execution: Execution) -> None:
    launch.expect_weights_and_code()
    launch.sagemaker.refuse("create_training_job", "ResourceInUse")
    launch.sagemaker.refuse("describe_training_job", "ValidationException", "Requested resource not found.")
    with pytest.raises(AwsUnavailable):
        launch.start(execution)


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_a_redriven_execution_takes_the_job_that_still_runs_or_is_done(launch: Launch, status: str) -> None:
    redriven = Execution.from_context(context(RedriveCount=1))
    earlier = redriven.job_name(0)
    launch.sagemaker.expect("describe_training_job", described_job(earlier, status), TrainingJobName=earlier)
    assert launch.start(redriven)["name"] == earlier


@pytest.mark.parametrize("status", ["Failed", "Stopped", "Stopping", None])
def test_a_redriven_execution_starts_a_new_job_after_a_failed_one(launch: Launch, status: str | None) -> None:
    redriven = Execution.from_context(context(RedriveCount=1))
    if status is None:
        launch.sagemaker.refuse("describe_training_job", "ValidationException", "Requested resource not found.")
    else:
        launch.sagemaker.expect("describe_training_job", described_job(redriven.job_name(0), status))
    launch.expect_weights_and_code()
    launch.sagemaker.expect("create_training_job", created(redriven))
    name = launch.start(redriven)["name"]
    assert name == redriven.job_name()
    assert name.endswith("-r1")


def test_a_missing_quota_is_named_with_its_remedy(launch: Launch, execution: Execution) -> None:
    launch.expect_weights_and_code()
    limit = "The account-level service limit 'ml.g5.2xlarge for spot training job usage' is 0 Instances."
    launch.sagemaker.refuse("create_training_job", "ResourceLimitExceeded", limit)
    with pytest.raises(LaunchFailed) as refusal:
        launch.start(execution)
    assert limit in str(refusal.value)
    assert "Service Quotas" in str(refusal.value)


def test_a_refused_job_ends_the_run_and_is_not_tried_again(launch: Launch, execution: Execution) -> None:
    launch.expect_weights_and_code()
    launch.sagemaker.refuse("create_training_job", "ValidationException", "Could not assume the role.")
    with pytest.raises(LaunchFailed, match=r"ValidationException.*Could not assume the role"):
        launch.start(execution)


def test_throttling_is_tried_again_by_the_state_machine(launch: Launch, execution: Execution) -> None:
    launch.expect_weights_and_code()
    launch.sagemaker.refuse("create_training_job", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable, match="Rate exceeded"):
        launch.start(execution)


def test_code_that_is_gone_is_a_failed_launch(launch: Launch, execution: Execution) -> None:
    launch.s3.expect("list_objects_v2", listed())
    launch.s3.refuse("copy_object", "NoSuchKey", "The specified key does not exist.")
    with pytest.raises(LaunchFailed, match="Deploy the stack again"):
        launch.start(execution)


def test_weights_that_are_missing_end_the_run_before_anything_is_started(launch: Launch, execution: Execution) -> None:
    launch.s3.expect("list_objects_v2", listed())
    with pytest.raises(LaunchFailed, match=r"dino\.pth"):
        replace(launch, request=replace(launch.request, pretrained="dino.pth")).start(execution)
