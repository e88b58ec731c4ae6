"""One embedded AWS for the whole folder, with a role and a bucket for training jobs, and what the tests ask of it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws.clients import client
from local_aws.embedded import EmbeddedAws

TRUST_SAGEMAKER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
BUCKET = "training"
SECONDS = 30  # longer than anything here takes, even on a busy machine


@dataclass(frozen=True)
class Account:
    """The embedded AWS, and a short way to run a Python script as a training job in it."""

    aws: EmbeddedAws
    role: str
    names: Iterator[str]

    def client(self, service: str) -> Any:
        return client(self.aws.environment, service)

    def request(self, script: str = "", **changes: Any) -> dict[str, Any]:
        """A request for a job that runs `script` from its channel `code`; `changes` replace members, None removes."""
        name = next(self.names)
        self.client("s3").put_object(Bucket=BUCKET, Key=f"code/{name}/train.py", Body=script.encode())
        request = {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {
                "TrainingImage": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13-cu133-amzn2023-sagemaker",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/bash", "-c", "cd /opt/ml; exec python /opt/ml/input/data/code/train.py"],
            },
            "InputDataConfig": [channel("code", f"s3://{BUCKET}/code/{name}/")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training-jobs"},
            "ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        } | changes
        return {member: value for member, value in request.items() if value is not None}

    def spot_request(self, script: str, **changes: Any) -> dict[str, Any]:
        """The same on managed spot, with checkpoints at s3://training/checkpoints/<job>."""
        request = self.request(script, **changes)
        return request | {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600},
            "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{request['TrainingJobName']}"},
        }

    def start(self, request: Mapping[str, Any]) -> str:
        self.client("sagemaker").create_training_job(**request)
        return str(request["TrainingJobName"])

    def ended(self, name: str) -> dict[str, Any]:
        """The description of the job at its end, as DescribeTrainingJob gives it."""
        self.aws.training_jobs.wait_for(name, [], SECONDS)
        answer: dict[str, Any] = self.client("sagemaker").describe_training_job(TrainingJobName=name)
        return answer

    def run(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self.ended(self.start(request))

    def log(self, name: str) -> list[str]:
        """The lines of the job's log streams so far."""
        logs = self.client("logs")
        group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}
        try:
            streams = logs.describe_log_streams(**group, logStreamNamePrefix=f"{name}/algo-1-")["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(**group, logStreamName=stream["logStreamName"], startFromHead=True)[
                "events"
            ]
        ]

    def object(self, key: str) -> bytes:
        body: bytes = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str) -> list[str]:
        return [
            item["Key"] for item in self.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        ]


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with EmbeddedAws(tmp_path_factory.mktemp("aws"), wait_scale=0, stop_grace=1) as aws:
        client(aws.environment, "s3").create_bucket(Bucket=BUCKET)
        role = client(aws.environment, "iam").create_role(
            RoleName="training", AssumeRolePolicyDocument=json.dumps(TRUST_SAGEMAKER)
        )["Role"]["Arn"]
        yield Account(aws, role, (f"job-{number}" for number in itertools.count()))


def channel(name: str, uri: str) -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def eventually(is_true: Callable[[], object], what: str, *, seconds: float = SECONDS) -> None:
    """Wait for something outside this process, of which no event tells."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {what}"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
