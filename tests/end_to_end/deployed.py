"""What a person does with the deployed stack, for the end-to-end tests."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from pipeline.job.log import LOG_GROUP, LogEnd, read_log_end

from dataset_prep.run import main as prepare
from local_aws.embedded import EmbeddedAws
from runs.execution_follower import ExecutionFollower, ExecutionSummary

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Deployed:
    """The stack, and what a person does with it."""

    aws: EmbeddedAws
    session: boto3.Session
    outputs: dict[str, str]
    plans: Path
    scratch: Path
    messages_queue: str
    _messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bucket(self) -> str:
        return self.outputs["DatasetBucketName"]

    def upload_plans(self, prefix: str) -> str:
        """Prepare the sample plans and upload them below `prefix`, with the command that users run; their version."""
        source, output = ["--source", str(self.plans)], ["--output", str(self.scratch / "dataset")]
        said = io.StringIO()
        boto3.DEFAULT_SESSION = None  # as in a process of its own: whose keys are in the environment by now
        with redirect_stdout(said), redirect_stderr(said):
            status = prepare([*source, *output, "--bucket", self.bucket, "--prefix", prefix])
        boto3.DEFAULT_SESSION = None
        assert status == 0, said.getvalue()
        version: str = json.loads(self.object(f"{prefix}/manifest.json"))["version"]
        return version

    def start(self, **request: Any) -> ExecutionFollower:
        """Start the state machine as from the console."""
        follower = self._follower()
        follower.start(self.outputs["StateMachineArn"], request)
        return follower

    def start_training(self, **request: Any) -> tuple[ExecutionFollower, str]:
        """Start the state machine and wait until its job's command runs; the job's name."""
        follower = self.start(**request)
        name = follower.wait_for_job()
        assert name is not None
        wait_until(lambda: self.is_training(name))
        return follower, name

    def run(self, **request: Any) -> ExecutionSummary:
        """Start the state machine and wait for its end."""
        return self.start(**request).wait_for_end()

    def redrive(self, arn: str) -> ExecutionFollower:
        """Let a failed or aborted execution go on, as with the console's button."""
        self.session.client("stepfunctions").redrive_execution(executionArn=arn)
        follower = self._follower()
        follower.attach(arn)
        return follower

    def jobs_of(self, execution: ExecutionSummary) -> list[str]:
        """The names of all training jobs that its last state knows of, in the order of their creation."""
        described = self.session.client("stepfunctions").describe_execution(executionArn=execution.arn)
        names: list[str] = json.loads(described["output"])["training_job_names"]
        return names

    def messages_about(self, arn: str) -> list[dict[str, Any]]:
        """All messages that were published about an execution so far."""
        sqs = self.session.client("sqs")
        while received := sqs.receive_message(QueueUrl=self.messages_queue, MaxNumberOfMessages=10).get("Messages"):
            for item in received:
                sqs.delete_message(QueueUrl=self.messages_queue, ReceiptHandle=item["ReceiptHandle"])
                self._messages.append(json.loads(item["Body"]))
        return [
            message
            for message in self._messages
            if any(line.startswith("Execution: ") and line.endswith(arn) for line in message["Message"].splitlines())
        ]

    def message_of(self, execution: ExecutionSummary) -> dict[str, Any]:
        """The one message that was published about `execution`."""
        about = self.messages_about(execution.arn)
        assert len(about) == 1, about
        return about[0]

    def assert_failed(self, execution: ExecutionSummary, error: str, *said: str) -> None:
        """It failed with this error, and both its cause and the one message about it say all of that."""
        assert (execution.status, execution.error) == ("FAILED", error), execution.cause
        cause = json.loads(execution.cause)["errorMessage"]  # Step Functions wraps what a Lambda function raises
        message = self.message_of(execution)["Message"]
        assert f"{error}: " in message
        for words in said:
            assert words in cause
            assert words in message

    def assert_stopped(self, execution: ExecutionSummary) -> None:
        """The state machine has stopped its last job."""
        assert "Stop" in execution.states
        assert execution.job is not None
        assert execution.job.status == "Stopped"

    def executions_at_work(self) -> list[str]:
        """The ARNs of the executions that have not ended."""
        running = self.session.client("stepfunctions").list_executions(
            stateMachineArn=self.outputs["StateMachineArn"], statusFilter="RUNNING"
        )
        return [execution["executionArn"] for execution in running["executions"]]

    def jobs_at_work(self) -> list[str]:
        """The training jobs that have not ended."""
        return self.aws.training_jobs.running()

    def locks(self) -> list[str]:
        """The locks on data sets."""
        return self.keys("locks/")

    def keys(self, prefix: str) -> list[str]:
        """What lies below `prefix` in the bucket, the first thousand."""
        listed = self.session.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def object(self, key: str) -> bytes:
        """An object of the bucket."""
        return self.session.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def put(self, key: str, content: bytes) -> None:
        """Write an object of the bucket."""
        self.session.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content, ChecksumAlgorithm="SHA256")

    def function(self, step: str) -> str:
        """The name of a step's Lambda function."""
        pages = self.session.client("lambda").get_paginator("list_functions").paginate()
        functions = [function for page in pages for function in page["Functions"]]
        (name,) = [each["FunctionName"] for each in functions if each["Handler"] == f"pipeline.steps.{step}.handler"]
        return name

    def is_training(self, job: str) -> bool:
        """Whether the job's command runs."""
        described = self.session.client("sagemaker").describe_training_job(TrainingJobName=job)
        assert described["TrainingJobStatus"] == "InProgress", described.get("FailureReason")
        return described["SecondaryStatus"] == "Training"

    def training_code(self) -> tuple[str, str]:
        """Bucket and key of the archive that Launch has its jobs run."""
        function = self.session.client("lambda").get_function_configuration(FunctionName=self.function("launch"))
        settings = function["Environment"]["Variables"]
        return settings["CODE_ASSET_BUCKET"], settings["CODE_ASSET_KEY"]

    def put_training_code(self, archive: bytes) -> None:
        """From the next launch on, jobs run this archive."""
        bucket, key = self.training_code()
        self.session.client("s3").put_object(Bucket=bucket, Key=key, Body=archive)

    def checkpoints_prefix(self, job: str) -> str:
        """Where the job's checkpoints lie in the bucket."""
        described = self.session.client("sagemaker").describe_training_job(TrainingJobName=job)
        return urlsplit(described["CheckpointConfig"]["S3Uri"]).path.lstrip("/")

    def checkpoints(self, job: str) -> list[str]:
        """The keys of the job's checkpoints, without what is beside them."""
        return self.keys(f"{self.checkpoints_prefix(job)}checkpoint-")

    def log_end(self, job: str) -> LogEnd:
        """The last lines that the job has written to its log."""
        return read_log_end(self.session.client("logs"), job)

    def log_of(self, job: str) -> str:
        """What the job has written to its log so far."""
        logs = self.session.client("logs")
        streams = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
        return "\n".join(
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        )

    def _follower(self) -> ExecutionFollower:
        return ExecutionFollower(self.session, on_state=lambda _name, _state_input: None, on_log=lambda _: None)


def wait_until(happened: Callable[[], bool]) -> None:
    """Look several times a second; the test's own time limit ends the wait."""
    while not happened():
        time.sleep(0.1)
