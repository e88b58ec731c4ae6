"""A launch of a job, with the answers that AWS is to give to it."""

import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.response import StreamingBody
from botocore.stub import ANY
from pipeline.execution import Execution
from pipeline.job.arguments import training_job_arguments
from pipeline.job.execution_jobs import EXECUTION_TAG
from pipeline.job.launched_job import LaunchedJob
from pipeline.job.start import Launch, start_job

from tests.pipeline.conftest import StubbedClient, context, described_job, listed

LIMIT = "The account-level service limit 'ml.g5.2xlarge for spot training job usage' is 0 Instances."
ARN = described_job("job")["TrainingJobArn"]


@dataclass(frozen=True)
class Launching:
    """One launch, with the answers that AWS is to give."""

    sagemaker: StubbedClient
    s3: StubbedClient
    stepfunctions: StubbedClient
    launch: Launch

    @property
    def names(self) -> list[str]:
        return [self.launch.execution.job_name(number) for number in range(4)]

    def expect_earlier(self, *jobs: dict[str, Any], history: bool = True) -> None:
        """What DescribeTrainingJob answers for the execution's jobs, from the first on, and that there is no other."""
        if history:
            expect_history(self.stepfunctions)
        for name, job in zip(self.names, jobs, strict=False):
            self.sagemaker.expect("describe_training_job", described_job(name, **job), TrainingJobName=name)
        self.sagemaker.refuse_further_jobs()

    def expect_weights_and_code(self) -> None:
        self.s3.expect("list_objects_v2", listed())
        self.s3.expect("copy_object", {"CopyObjectResult": {}})

    def expect_list(self, *names: str) -> None:
        """Which jobs ListTrainingJobs shows to have changed in the last 20 minutes."""
        since = datetime(2026, 11, 20, 11, 40, tzinfo=UTC)
        created = {"CreationTime": since, "TrainingJobArn": ARN, "TrainingJobStatus": "Completed"}
        answer = {"TrainingJobSummaries": [{"TrainingJobName": name, **created} for name in names]}
        asked = {"NameContains": "floorplan-dino-", "LastModifiedTimeAfter": since}
        self.sagemaker.expect("list_training_jobs", answer, **asked)

    def expect_tags(self, value: str) -> None:
        tags = [{"Key": "other", "Value": "tag"}, {"Key": EXECUTION_TAG, "Value": value}]
        self.sagemaker.expect("list_tags", {"Tags": tags}, ResourceArn=ANY)

    def expect_status(self, status: str = "RUNNING", *, redrive_count: int = 0) -> None:
        answer = {"executionArn": "a", "stateMachineArn": "b", "status": status, "startDate": datetime.now(UTC)}
        answer |= {"redriveCount": redrive_count}
        self.stepfunctions.expect("describe_execution", answer, executionArn=self.launch.execution.arn)

    def expect_creation(
        self, number: int = 0, choice: int = 0, seconds: int = 21600, *, baselines: str | None = None
    ) -> None:
        launch = self.launch
        arguments = training_job_arguments(
            request=launch.request,
            stage=launch.attempt.stage,
            choice=launch.quote.choices[choice],
            max_runtime_seconds=seconds,
            dataset=launch.dataset,
            weights=launch.quote.earlier_model.key if launch.quote.earlier_model else None,
            baselines=baselines,
            execution=launch.execution,
            number=number,
            settings=launch.settings,
        )
        self.sagemaker.expect("create_training_job", {"TrainingJobArn": ARN}, **arguments)

    def start(self) -> LaunchedJob:
        return start_job(self.sagemaker.client, self.s3.client, self.stepfunctions.client, self.launch)


def checkpoints(stage: int) -> dict[str, Any]:
    return {"CheckpointConfig": {"S3Uri": f"s3://bucket/checkpoints/{context()['Name']}/{stage}/"}}


def expect_lock_of(s3: StubbedClient, execution: Execution) -> None:
    """That the data set is locked, and by whom."""
    content = json.dumps({"execution": execution.arn, "redrive_count": execution.redrive_count}).encode()
    answer = {
        "Body": StreamingBody(io.BytesIO(content), len(content)),
        "ETag": '"1"',
        "LastModified": datetime.now(UTC),
    }
    s3.expect("get_object", answer, Bucket="bucket", Key="locks/dino-data.json")


def expect_history(stepfunctions: StubbedClient) -> None:
    """That few of the execution's events are used up."""
    stepfunctions.expect("get_execution_history", {"events": [event(30)]})


def event(number: int) -> dict[str, Any]:
    """The newest one of a history of so many."""
    return {"timestamp": datetime.now(UTC), "type": "TaskStateEntered", "id": number}


def lock_of(execution: Execution) -> dict[str, Any]:
    """What it writes to take the lock."""
    body = json.dumps({"execution": execution.arn, "redrive_count": execution.redrive_count}).encode()
    return {"Bucket": "bucket", "Key": "locks/dino-data.json", "Body": body, "ContentType": "application/json"}


def changed(launching: Launching, **more: Any) -> Launching:
    return replace(launching, launch=replace(launching.launch, **more))


def redriven(launching: Launching) -> Launching:
    """Whose lock says so, too."""
    execution = replace(launching.launch.execution, redrive_count=1)
    launching.s3.expect("put_object", {}, **lock_of(execution), IfMatch='"1"')
    return changed(launching, execution=execution)
