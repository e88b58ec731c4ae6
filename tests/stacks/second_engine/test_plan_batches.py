"""The state machine of batches on the second interpreter: a plan's failure, throttling and crashes, in its own time."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3 as reader
from moto.stepfunctions.parser.asl.component.state.exec.state_map.result_writer.resource_eval import (
    resource_eval_s3 as writer,
)

from tests.stacks.second_engine.clock import Clock
from tests.stacks.second_engine.functions import FunctionError
from tests.stacks.second_engine.interpreter import Interpreter, Walk
from tests.stacks.serving.conftest import batches, resources, template

__all__ = ["batches", "resources", "template"]
LIST = "batches/lists/batch-1.json"
Function = Callable[[str, int], None]
"""A plan's key and how often it was asked about, from 1 on -> nothing, or what the function raises."""


class Bucket:
    """As the interpreter asks for it."""

    def __init__(self, plans: list[str]) -> None:
        self.objects = {LIST: json.dumps([{"plan": plan} for plan in plans]).encode()}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[Key] = Body


class Batch:
    """Three plans, of which the function `answers`, refuses or crashes on each."""

    def __init__(self, definition: dict[str, Any], function: Function) -> None:
        self.bucket, self.asked, self.clock = Bucket(["a", "b", "c"]), Counter[str](), Clock()
        began = self.clock.now()

        def invoke(name: str, payload: str) -> str:
            assert name == "ServingFunction"
            plan = json.loads(payload)["plan"]
            self.asked[plan] += 1
            function(plan, self.asked[plan])
            return json.dumps({"plan": plan})

        context = {"Id": "arn", "RoleArn": "arn:aws:iam::123456789012:role/Batches", "Input": {"plans": LIST}}
        with (
            mock.patch.object(reader.ResourceEvalS3, "_get_s3_client", lambda **_: self.bucket),
            mock.patch.object(writer.ResourceEvalS3, "_get_s3_client", lambda **_: self.bucket),
        ):
            self.walk: Walk = Interpreter(definition, self.clock).walk(invoke, context)
        self.took = self.clock.now() - began


def test_each_plan_is_predicted_on_once_and_the_results_are_filed(batches: dict[str, Any]) -> None:
    batch = Batch(batches, lambda _plan, _times: None)
    assert (batch.walk.status, batch.asked) == ("SUCCEEDED", Counter("abc"))
    (manifest,) = (key for key in batch.bucket.objects if key != LIST)
    assert manifest.startswith("batches/results/")


@pytest.mark.parametrize(
    ("error", "times"), [("NoApprovedModel", 1), ("KeyError", 1), ("Sandbox.Timedout", 2), ("AwsUnavailable", 121)]
)
def test_a_plan_that_fails_for_good_leaves_the_others_alone(batches: dict[str, Any], error: str, times: int) -> None:
    def function(plan: str, _times: int) -> None:
        if plan == "b":
            raise FunctionError(error, "no")

    batch = Batch(batches, function)
    assert (batch.walk.status, batch.asked) == ("SUCCEEDED", Counter({"a": 1, "b": times, "c": 1}))


def test_even_if_all_plans_fail_the_batch_ends_by_itself(batches: dict[str, Any]) -> None:
    def function(_plan: str, _times: int) -> None:
        raise FunctionError("NoApprovedModel", "no")

    assert Batch(batches, function).walk.status == "SUCCEEDED"


def test_throttling_for_half_an_hour_is_waited_for(batches: dict[str, Any]) -> None:
    def function(plan: str, times: int) -> None:
        if plan == "b" and times <= 60:
            raise FunctionError("Lambda.TooManyRequestsException", "Rate exceeded")

    batch = Batch(batches, function)
    assert (batch.walk.status, batch.asked["b"]) == ("SUCCEEDED", 61)
    assert batch.took > timedelta(minutes=10)
