"""The parts of boto3's session and clients that `runs` uses, over plain data, so that a test says what AWS holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:FloorplanDino-Training"
BUCKET = "bucket"
OUTPUTS = {"StateMachineArn": MACHINE, "DatasetBucketName": BUCKET, "ModelPackageGroupName": "floorplan-dino"}


def refusal(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Execution:
    """One execution: the states that it enters, one more with each look at its status, until it has its end."""

    def __init__(
        self,
        name: str,
        states: list[tuple[str, dict[str, Any]]],
        *,
        status: str = "SUCCEEDED",
        at_once: bool = True,
        **described: Any,
    ) -> None:
        self.name, self.states, self.end, self.described = name, states, status, described
        self.entered = len(states) if at_once else 0

    @property
    def arn(self) -> str:
        return f"{MACHINE.replace(':stateMachine:', ':execution:')}:{self.name}"

    def status(self) -> str:
        """And then the next state is entered."""
        status = self.end if self.entered >= len(self.states) else "RUNNING"
        self.entered = min(self.entered + 1, len(self.states))
        return status

    def events(self) -> list[dict[str, Any]]:
        """Between two states there are others, which `runs` passes over."""
        return [
            event
            for index, (name, state_input) in enumerate(self.states[: self.entered])
            for event in (
                {"id": 2 * index + 1, "stateEnteredEventDetails": {"name": name, "input": json.dumps(state_input)}},
                {"id": 2 * index + 2, "stateExitedEventDetails": {"name": name}},
            )
        ]


class Cloud:
    """Pass it for a boto3.Session: each client is the cloud itself."""

    region_name = "us-east-1"

    def __init__(self, *executions: Execution) -> None:
        self.executions = list(executions)  # newest first, as AWS lists them
        self.stacks: dict[str, dict[str, str]] = {"FloorplanDino": OUTPUTS}
        self.objects: dict[str, bytes] = {}
        self.approvals: dict[str, str] = {}
        """Of model packages, by their ARNs."""
        self.objects_read: list[str] = []
        self.log: dict[str, list[str]] = {}
        self.started: list[dict[str, Any]] = []
        self.shown_late = 0
        """At so many looks, an execution that was just started is not there yet."""
        self.stopped: list[str] = []
        self.pages_read = 0

    def client(self, _name: str) -> Any:
        return self

    # CloudFormation

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if StackName not in self.stacks:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.stacks[StackName].items()]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    # Step Functions

    def list_executions(
        self, *, stateMachineArn: str, maxResults: int, statusFilter: str | None = None
    ) -> dict[str, Any]:
        assert stateMachineArn == MACHINE
        listed = [item for item in self.executions if statusFilter in (None, item.end)]
        return {"executions": [self._described(item) for item in listed[:maxResults]]}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        for execution in self.executions:
            if execution.arn == executionArn and not self.is_hidden(execution.name):
                return self._described(execution)
        raise refusal("ExecutionDoesNotExist", "Execution Does Not Exist", "DescribeExecution")

    def is_hidden(self, name: str) -> bool:
        """Whether a look comes too early for AWS to show the execution."""
        if self.shown_late == 0 or name not in [started["name"] for started in self.started]:
            return False
        self.shown_late -= 1
        return True

    def start_execution(self, *, stateMachineArn: str, input: str, name: str = "unnamed") -> dict[str, Any]:
        assert stateMachineArn == MACHINE
        self.started.append({"name": name, "request": json.loads(input)})
        self.executions.insert(0, Execution(name, [("Resolve", {})]))
        return {"executionArn": self.executions[0].arn}

    def stop_execution(self, *, executionArn: str, error: str, cause: str) -> None:
        self.stopped.append(executionArn)

    def get_paginator(self, operation_name: str) -> Any:
        pages = {"get_execution_history": self._history, "list_objects_v2": self._objects}
        return SimpleNamespace(paginate=pages[operation_name])

    def _history(self, *, executionArn: str, reverseOrder: bool, PaginationConfig: dict[str, int]) -> Any:
        assert reverseOrder
        (execution,) = (item for item in self.executions if item.arn == executionArn)
        events = execution.events()[::-1]
        for start in range(0, max(1, len(events)), 3):
            self.pages_read += 1
            yield {"events": events[start : start + 3]}

    def _described(self, execution: Execution) -> dict[str, Any]:
        return {
            "executionArn": execution.arn,
            "name": execution.name,
            "startDate": datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
            "status": execution.status(),
            **execution.described,
        }

    # CloudWatch Logs

    def describe_log_streams(self, *, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:
        streams = [name for name in self.log if name.startswith(logStreamNamePrefix)]
        if not streams:
            raise refusal("ResourceNotFoundException", "The specified log group does not exist.", "DescribeLogStreams")
        return {"logStreams": [{"logStreamName": name} for name in streams]}

    def get_log_events(
        self, *, logGroupName: str, logStreamName: str, startFromHead: bool, nextToken: str = "0", limit: int = 10_000
    ) -> dict[str, Any]:
        lines = self.log[logStreamName]
        shown = lines[int(nextToken) :][:limit] if startFromHead else lines[-limit:]
        return {"events": [{"message": line} for line in shown], "nextForwardToken": str(len(lines))}

    # SageMaker

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        return {"TrainingJobStatus": "Completed", "ResourceConfig": {"InstanceType": "ml.g5.2xlarge"}}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        if ModelPackageName not in self.approvals:
            raise refusal("ValidationException", "ModelPackage does not exist", "DescribeModelPackage")
        return {"ModelApprovalStatus": self.approvals[ModelPackageName]}

    def list_model_packages(self, *, ModelPackageGroupName: str, MaxResults: int, **how: str) -> dict[str, Any]:
        """Those of `approvals`, which are named in the order of their creation."""
        assert how == {"ModelApprovalStatus": "Approved", "SortBy": "CreationTime", "SortOrder": "Descending"}
        approved = [arn for arn, status in self.approvals.items() if status == "Approved"][::-1]
        return {"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in approved[:MaxResults]]}

    def update_model_package(self, *, ModelPackageArn: str, ModelApprovalStatus: str) -> None:
        self.approvals[ModelPackageArn] = ModelApprovalStatus

    # S3

    def _objects(self, *, Bucket: str, Prefix: str, Delimiter: str) -> Any:
        """Files and folders by name, two a page."""
        assert (Bucket, Delimiter) == (BUCKET, "/")
        below = [key[len(Prefix) :].partition("/") for key in self.objects if key.startswith(Prefix)]
        names = sorted({name + slash for name, slash, _ in below})
        for start in range(0, max(1, len(names)), 2):
            page = [f"{Prefix}{name}" for name in names[start : start + 2]]
            yield {
                "Contents": [{"Key": key} for key in page if not key.endswith("/")],
                "CommonPrefixes": [{"Prefix": key} for key in page if key.endswith("/")],
            }

    def download_file(self, bucket: str, key: str, path: str) -> None:
        assert bucket == BUCKET
        if key not in self.objects:
            raise refusal("404", "Not Found", "HeadObject")
        Path(path).write_bytes(BytesIO(self.objects[key]).read())

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == BUCKET
        if Key not in self.objects:
            raise refusal("NoSuchKey", "The specified key does not exist.", "GetObject")
        self.objects_read.append(Key)
        return {"Body": BytesIO(self.objects[Key])}
