"""One step of the state machine: a Lambda function as a task, with the retries and the catch that all steps share."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

_SERVICE_ERRORS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "AwsUnavailable",  # ours: what the step called is busy or out of reach
]
_CRASHES = ["Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"]
"""The step died or ran out of time. It may have done its work, which each step allows for."""

ATTEMPTS_OVER_AN_HOUR = 32
"""With pauses of up to five minutes, drawn at random from nothing to that."""


def step(
    scope: Construct,
    name: str,
    function: lambda_.Function,
    payload: Mapping[str, str],
    result_path: str,
    *,
    caught_by: sfn.IChainable | None,
    service_attempts: int = 6,
) -> tasks.LambdaInvoke:
    """The function gets the execution's context (RedriveCount is in it only after a redrive, so the context goes as a
    whole) and the parts of the state in `payload`; what it raises goes to `caught_by`, or ends the execution.
    """
    assert function.timeout is not None
    paths = {"execution": "$$.Execution", **payload}
    task = tasks.LambdaInvoke(
        scope,
        name,
        lambda_function=function,
        payload=sfn.TaskInput.from_object({key: sfn.JsonPath.object_at(path) for key, path in paths.items()}),
        payload_response_only=True,
        result_path=result_path,
        retry_on_service_exceptions=False,  # the two below say it with jitter
        task_timeout=sfn.Timeout.duration(function.timeout.plus(Duration.seconds(30))),
    )
    for errors, attempts in ((_SERVICE_ERRORS, service_attempts), (_CRASHES, 3)):
        task.add_retry(
            errors=errors,
            interval=Duration.seconds(2),
            backoff_rate=2,
            max_attempts=attempts,
            max_delay=Duration.minutes(5),
            jitter_strategy=sfn.JitterType.FULL,
        )
    if caught_by is not None:
        task.add_catch(caught_by, errors=["States.ALL"], result_path="$.failure")
    return task
