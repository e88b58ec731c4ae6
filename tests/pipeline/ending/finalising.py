"""One finalisation for tests, with the answers that AWS is to give."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.stub import ANY
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.finalisation import finalise
from pipeline.ending.finished_execution import FinishedExecution
from pipeline.execution import Execution
from pipeline.job.execution_jobs import EXECUTION_TAG
from pipeline.settings import FinaliseSettings

from tests.pipeline.conftest import StubbedClient, context, described_job, listed

TOPIC = "arn:aws:sns:us-east-1:123456789012:Topic"
WEIGHTS = "s3://bucket/pretrained/resnet50.pth"
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/4"
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
JUDGEMENT = {
    "artifact_uri": "s3://bucket/model.tar.gz",
    "metrics_uri": None,
    "ap": 0.71,
    "f1": 0.9,
    "f1_by_class": {"wall": 0.95, "room": None},
}
COMPLETED: dict[str, Any] = {
    "status": "Completed",
    "secondary": "Completed",
    "TrainingStartTime": datetime(2026, 11, 20, 10, 10, tzinfo=UTC),
    "TrainingTimeInSeconds": 7200,
    "BillableTimeInSeconds": 3600,
    "EnableManagedSpotTraining": True,
}


def caught(error: str, message: str) -> dict[str, str]:
    """What Catch puts into the state after a Lambda function raised."""
    cause = {"errorMessage": message, "errorType": error, "requestId": "1", "stackTrace": ["..."]}
    return {"Error": error, "Cause": json.dumps(cause)}


@dataclass
class End:
    """One finalisation, with the answers that AWS is to give."""

    sagemaker: StubbedClient
    s3: StubbedClient
    sns: StubbedClient
    cloudwatch: StubbedClient
    state: dict[str, Any]
    execution: Execution = field(default_factory=lambda: Execution.from_context(context()))

    def name(self, number: int = 0) -> str:
        return self.execution.job_name(number)

    def expect_jobs(self, *jobs: dict[str, Any], then_stopped: tuple[int, ...] = ()) -> None:
        for number, job in enumerate(jobs):
            answer = described_job(self.name(number), **job)
            self.sagemaker.expect("describe_training_job", answer, TrainingJobName=self.name(number))
        self.sagemaker.refuse_further_jobs()
        for number in then_stopped:
            self.expect_tag()
            self.sagemaker.expect("stop_training_job", {}, TrainingJobName=self.name(number))
        if jobs:
            self.cloudwatch.expect("put_metric_data", {}, Namespace="FloorplanDino", MetricData=ANY)

    def expect_tag(self, value: str | None = None) -> None:
        tags = [{"Key": EXECUTION_TAG, "Value": value or self.execution.tag}]
        self.sagemaker.expect("list_tags", {"Tags": tags}, ResourceArn=ANY)

    def expect_locks(self, *keys: str) -> None:
        contents = [{"Key": key, "Size": 100, "LastModified": NOW} for key in keys]
        self.s3.expect("list_objects_v2", {"Contents": contents} if contents else {}, Bucket="bucket", Prefix="locks/")

    def expect_message(self, *, after_locks: bool = True) -> None:
        """And, unless the test says what there is of locks, that there is none."""
        if after_locks:
            self.expect_locks()
        self.s3.expect("list_objects_v2", listed(), Bucket="bucket", Prefix=ANY, MaxKeys=1)
        self.sns.expect("publish", {"MessageId": "1"}, TopicArn=TOPIC, Subject=ANY, Message=ANY)
        self.s3.expect("put_object", {}, Bucket="bucket", Key=ANY, Body=ANY, ContentType="application/json")

    def run(self, **more: Any) -> FinishedExecution:
        state = ExecutionState.read(self.state | more)
        return finalise(
            sagemaker=self.sagemaker.client,
            s3=self.s3.client,
            sns=self.sns.client,
            cloudwatch=self.cloudwatch.client,
            state=state,
            execution=self.execution,
            failure=state.failure_of(self.execution),
            settings=FinaliseSettings(bucket="bucket", topic_arn=TOPIC),
            now=NOW,
        )


def without(state: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name not in names}
