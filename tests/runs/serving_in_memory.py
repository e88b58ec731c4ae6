"""The serving stack over plain data: a state machine whose function answers each plan as a test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tests.runs.cloud_in_memory import BUCKET, Cloud, refusal

BATCHES = "arn:aws:states:us-east-1:123456789012:stateMachine:FloorplanDino-Serving-Batches"
MODELS = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/"
OUTPUTS = {"BatchStateMachineArn": BATCHES, "BatchConcurrency": "4"}
Function = Callable[[bytes], str]
"""A plan's bytes -> "" for an answer, "refused: ..." for a refusal, and otherwise what it raises."""


def always_answers(_plan: bytes) -> str:
    return ""


class ServingCloud(Cloud):
    """With both stacks and an approved model. `batches` are those that were started, as lists of keys."""

    def __init__(self, function: Function = always_answers) -> None:
        super().__init__()
        self.stacks["FloorplanDino-Serving"] = OUTPUTS
        self.approvals = {f"{MODELS}1": "Approved"}
        self.function = function
        self.batches: list[list[str]] = []
        self.failed: list[tuple[str, str]] = []
        """Of the last batch: plan, and what the function raised."""
        self.written: dict[str, datetime] = {}
        self.uploads: list[str] = []
        self.other_batch: list[str] = []
        """The status of a batch that another person has started, at each look."""
        self.status = "SUCCEEDED"
        self.between_writes = timedelta(seconds=1)
        self._now = datetime(2026, 11, 24, 9, tzinfo=UTC)

    def put(self, key: str, body: bytes) -> None:
        self._now += self.between_writes
        self.objects[key], self.written[key] = body, self._now

    # S3

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", **_: Any) -> None:
        assert Bucket == BUCKET
        if IfNoneMatch and Key in self.objects:
            raise refusal("PreconditionFailed", "it is there", "PutObject")
        self.put(Key, Body)
        self.uploads.append(Key)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return super().get_object(Bucket=Bucket, Key=Key) | {"LastModified": self.written[Key].replace(microsecond=0)}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise refusal("404", "Not Found", "HeadObject")
        return {"LastModified": self.written[Key].replace(microsecond=0)}

    def get_paginator(self, operation_name: str) -> Any:
        assert operation_name == "list_objects_v2"
        return SimpleNamespace(paginate=self._listed)

    def _listed(self, *, Bucket: str, Prefix: str) -> Any:
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        yield {"Contents": [{"Key": key, "LastModified": self.written[key]} for key in keys]}

    # Step Functions

    def list_executions(self, **asked: Any) -> dict[str, Any]:
        if "mapRunArn" in asked:
            assert asked["statusFilter"] == "FAILED"
            return {"executions": [{"executionArn": f"child:{number}"} for number in range(len(self.failed))]}
        assert (asked["stateMachineArn"], asked["statusFilter"]) == (BATCHES, "RUNNING")
        return {"executions": [{"executionArn": "arn:execution:other"}] if self.other_batch else []}

    def start_execution(self, *, stateMachineArn: str, input: str, name: str = "unnamed") -> dict[str, Any]:
        assert stateMachineArn == BATCHES
        keys = [entry["plan"] for entry in json.loads(self.objects[json.loads(input)["plans"]])]
        self.batches.append(keys)
        self.started.append({"name": name})
        self.failed = []
        for key in keys:
            said = self.function(self.objects[key])
            if said and not said.startswith("refused: "):
                self.failed.append((key, said))
            else:
                self.answer(key, said.removeprefix("refused: ").replace("PLAN", key))
        return {"executionArn": f"arn:execution:{name}"}

    def answer(self, key: str, error: str = "") -> None:
        """As the function files it."""
        name = key.replace("batches/plans/", "predictions/batches/").replace("plans/", "predictions/", 1)
        model = max(arn for arn, status in self.approvals.items() if status == "Approved")
        self.put(f"{name}.svg", b"<svg/>")
        self.put(f"{name}.drawn.png", b"PNG")
        answer: dict[str, Any] = {"error": error} if error else {"model": {"package_arn": model, "version": 1}}
        self.put(f"{name}.prediction.json", json.dumps(answer).encode())

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        if executionArn.startswith("child:"):
            plan, raised = self.failed[int(executionArn.removeprefix("child:"))]
            error, _, message = raised.partition(": ")
            cause = json.dumps({"errorMessage": message, "errorType": error})
            return {"input": json.dumps({"plan": plan}), "error": error, "cause": cause}
        if executionArn.endswith(":other"):
            return {"status": self.other_batch.pop(0)}
        if self.is_hidden(executionArn.rpartition(":")[2]):
            raise refusal("ExecutionDoesNotExist", "Execution Does Not Exist", "DescribeExecution")
        return {"status": self.status, "error": "States.ItemReaderFailed", "cause": "it is not there"}

    def list_map_runs(self, *, executionArn: str) -> dict[str, Any]:
        return {"mapRuns": [{"mapRunArn": "run"}]}

    def describe_map_run(self, *, mapRunArn: str) -> dict[str, Any]:
        done = len(self.batches[-1]) if self.batches else 0
        counts = {"succeeded": done - len(self.failed), "failed": len(self.failed), "timedOut": 0, "aborted": 0}
        return {"itemCounts": counts}
