"""The deployed stack on an embedded AWS, and data sets in its bucket as a user brings them there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from dataset_prep.samples import write_samples
from demo.execution import Execution, ExecutionFollower
from local_aws.deployment import deploy
from local_aws.embedded import EmbeddedAws

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

    @property
    def bucket(self) -> str:
        return self.outputs["DatasetBucketName"]

    def upload_plans(self, prefix: str) -> None:
        """Prepare the sample plans and upload them below `prefix`, with the command that users run."""
        command = [sys.executable, str(ROOT / "dataset_prep" / "run.py"), "--source", str(self.plans)]
        output = ["--output", str(self.scratch / "dataset"), "--bucket", self.bucket, "--prefix", prefix]
        done = subprocess.run([*command, *output], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, **request: Any) -> ExecutionFollower:
        """Start the state machine as from the console."""
        follower = ExecutionFollower(self.session, on_state=lambda _: None, on_log=lambda _: None)
        follower.start(self.outputs["StateMachineArn"], request)
        return follower

    def run(self, **request: Any) -> Execution:
        """Start the state machine and wait for its end."""
        return self.start(**request).wait_for_end()

    def message_of(self, execution: Execution) -> dict[str, Any]:
        """The one message that was published about `execution`."""
        sqs = self.session.client("sqs")
        found: list[dict[str, Any]] = []
        while received := sqs.receive_message(QueueUrl=self.messages_queue, MaxNumberOfMessages=10).get("Messages"):
            for item in received:
                sqs.delete_message(QueueUrl=self.messages_queue, ReceiptHandle=item["ReceiptHandle"])
                found.append(json.loads(item["Body"]))
        about = [message for message in found if execution.arn in json.dumps(message)]
        assert len(about) == 1, found
        return about[0]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    scratch = tmp_path_factory.mktemp("end-to-end")
    before = dict(os.environ)
    with EmbeddedAws(scratch / "aws", wait_scale=0.02, stop_grace=60) as aws:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(aws.environment)
        try:
            session = boto3.Session()
            outputs = deploy(
                aws.environment,
                context={"default_preset": "tiny"},
                output_dir=scratch / "deployment",
                on_line=lambda _: None,
            )
            write_samples(scratch / "plans", 10, 3)
            queue = session.client("sqs").create_queue(QueueName="messages")["QueueUrl"]
            queue_arn = session.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
            session.client("sns").subscribe(
                TopicArn=outputs["TopicArn"], Protocol="sqs", Endpoint=queue_arn["Attributes"]["QueueArn"]
            )
            yield Deployed(aws, session, outputs, scratch / "plans", scratch, queue)
        finally:
            os.environ.clear()
            os.environ.update(before)
