"""A path, a value or a part that the state does not have fails the synthesis."""

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from pipeline.execution import Execution
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.step import Step

from stacks.state_paths import copy, equals, is_true, path
from stacks.steps import step


@Step
def misspelt(*, execution: Execution, atempt: Attempt) -> LaunchedJob:
    raise NotImplementedError


@Step
def of_another_type(*, execution: Execution, job: Attempt) -> LaunchedJob:
    raise NotImplementedError


@Step
def right(*, execution: Execution, job: LaunchedJob) -> LaunchedJob:
    raise NotImplementedError


@pytest.fixture
def stack() -> cdk.Stack:
    return cdk.Stack(cdk.App(), "Stack")


@pytest.fixture
def function(stack: cdk.Stack) -> lambda_.Function:
    return lambda_.Function(
        stack,
        "Function",
        code=lambda_.Code.from_inline("pass"),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_14,
        timeout=cdk.Duration.minutes(1),
    )


@pytest.mark.parametrize("place", ["watch.acton", "wach.action", "job.name.first", "quote.accepted.x", ""])
def test_a_misspelt_path_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="has no field"):
        path(place)


@pytest.mark.parametrize(("place", "value"), [("watch.action", "stopp"), ("job.name", "x"), ("outcome.status", "x")])
def test_a_value_that_a_field_never_has_is_refused(place: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"is never '{value}'"):
        equals(place, value)


def test_only_a_bool_is_true() -> None:
    with pytest.raises(AssertionError):
        is_true("quote.cause")


def test_a_field_is_copied_to_one_of_its_type_only(stack: cdk.Stack) -> None:
    with pytest.raises(AssertionError):
        copy(stack, "Copy", "watch.attempt", "job", comment="")


@pytest.mark.parametrize(
    ("handler", "into", "said"),
    [
        (misspelt, "job", "no field atempt"),
        (of_another_type, "job", "wants .*Attempt.* as job"),
        (right, "watch", "returns"),
        (right, "jb", "no field jb"),
    ],
)
def test_a_step_gets_and_gives_what_the_state_has(
    stack: cdk.Stack, function: lambda_.Function, *, handler: Step, into: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        step(stack, handler, function, into=into, caught_by=None)
    step(stack, right, function, into="job", caught_by=None)
