"""State machines that may do no more than their role: 1.5.33 enforces that of functions and people only.

Checked are the calls that the pipeline's state machine makes: functions, and the child executions of a Distributed Map.
"""

from __future__ import annotations

import contextvars
import importlib
from typing import Any

from local_aws.ministack_patches.iam_questions import denial, role_credentials

ROLE: contextvars.ContextVar[str] = contextvars.ContextVar("ROLE")
"""Of the state machine whose execution walks in this thread; the threads of its tasks take a copy of it."""


def apply() -> None:
    """Check each call before it is made, if IAM is enforced."""
    states: Any = importlib.import_module("ministack.services.stepfunctions")
    run, call_lambda, run_map = states._run_execution, states._call_lambda, states._run_distributed_map

    def run_as_role(arn: str) -> None:
        machine = states._executions[arn]["stateMachineArn"]
        ROLE.set(states._state_machines[machine]["roleArn"])
        run(arn)

    def call_lambda_if_allowed(function: str, event: object) -> Any:  # noqa: ANN401  ministack has no types
        require(states, "lambda:InvokeFunction", function, error="Lambda.AWSLambdaException")
        return call_lambda(function, event)

    def run_map_if_allowed(*arguments: Any) -> Any:  # noqa: ANN401
        execution = arguments[4]
        require(states, "states:StartExecution", execution["stateMachineArn"], error="States.Permissions")
        return run_map(*arguments)

    states._run_execution = run_as_role
    states._call_lambda = call_lambda_if_allowed
    states._run_distributed_map = run_map_if_allowed


def require(states: Any, action: str, resource: str, *, error: str) -> None:  # noqa: ANN401
    """Raise the error of Step Functions if the state machine's role lacks the permission."""
    if not importlib.import_module("ministack.app").AUTH:
        return
    key = role_credentials({"role": ROLE.get(), "session": "states"})["AWS_ACCESS_KEY_ID"]
    refusal = denial(key, action, resource, {})
    if refusal:
        raise states._ExecutionError(error, refusal["message"])
