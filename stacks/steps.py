"""One step of the state machine: a Lambda function as a task, with the retries and the catch that all steps share."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct
from pipeline.errors import LAMBDA_ERRORS, THROTTLED, AwsUnavailable
from pipeline.step import Step

from stacks.state_paths import path, type_at

CRASHES = ("Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout")
"""The step died or ran out of time, as in an outage. It may have done its work: each step can be repeated."""
_UNAVAILABLE = AwsUnavailable.__name__
"""The service that the step called is busy or out of reach."""
_OVER_AN_HOUR = 32
"""Attempts, with pauses drawn at random, of up to five minutes."""

SERVICE_ERRORS = (*sorted(LAMBDA_ERRORS), _UNAVAILABLE)

Retries = Mapping[tuple[str, ...], int]
"""Names of errors -> attempts."""

IF_LAMBDA_FAILS: Retries = {
    (THROTTLED,): _OVER_AN_HOUR,
    (*sorted(LAMBDA_ERRORS - {THROTTLED}),): 6,
    CRASHES: 3,
}
"""For an hour while it is throttled, since that is no fault of its own."""
FOR_A_MINUTE: Retries = {**IF_LAMBDA_FAILS, (_UNAVAILABLE,): 6}
FOR_AN_HOUR: Retries = {(*SERVICE_ERRORS, *CRASHES): _OVER_AN_HOUR}

_PATHS = {"execution": "$$.Execution", "state": "$"}
"""RedriveCount is in the execution's context only after a redrive, so the context goes as a whole."""


def step(
    scope: Construct,
    handler: Step,
    function: lambda_.Function,
    *,
    into: str | None,
    caught_by: sfn.IChainable | None,
    retries: Retries = FOR_A_MINUTE,
    paths: Mapping[str, str] | None = None,
) -> tasks.LambdaInvoke:
    """The task is named as the handler's file and gets what the handler's parameters name.

    Its result becomes the part `into` of the state, or the whole state. What it raises goes to `caught_by`, or ends the
    execution, once `retries` are used up. `paths` are those of parameters that are not parts of the state.
    """
    known = _PATHS | dict(paths or {})
    assert function.timeout is not None
    if into is not None and handler.result is not type_at(into):
        raise ValueError(f"{handler.name} returns {handler.result}, and $.{into} is {type_at(into)}.")
    task = tasks.LambdaInvoke(
        scope,
        handler.name.title().replace("_", ""),
        lambda_function=function,
        payload=sfn.TaskInput.from_object(
            {
                name: sfn.JsonPath.object_at(known.get(name) or _part(handler, name, hint))
                for name, hint in handler.parts.items()
            }
        ),
        payload_response_only=True,
        result_path=path(into) if into else "$",
        retry_on_service_exceptions=False,  # those below do, with jitter
        task_timeout=sfn.Timeout.duration(function.timeout.plus(Duration.seconds(30))),
    )
    for errors, attempts in retries.items():
        task.add_retry(
            errors=list(errors),
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_attempts=attempts,
            max_delay=Duration.minutes(5),
            jitter_strategy=sfn.JitterType.FULL,
        )
    if caught_by is not None:
        task.add_catch(caught_by, errors=["States.ALL"], result_path=path("failure"))
    return task


def _part(handler: Step, name: str, hint: Any) -> str:  # noqa: ANN401 - a type hint
    if type_at(name) != hint:
        raise ValueError(f"{handler.name} wants {hint} as {name}, and $.{name} is {type_at(name)}.")
    return path(name)
