"""What a person does with the deployed stack, for the end-to-end tests."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local_aws.embedded import EmbeddedAws
from runs.execution_follower import Execution, ExecutionFollower

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
        follower = ExecutionFollower(self.session, on_state=lambda _name, _carried: None, on_log=lambda _: None)
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
