"""Not a step: what EventBridge calls for an execution that was aborted or timed out, and so runs no further step."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.clients import cloudwatch_client, s3_client, sagemaker_client, sns_client, stepfunctions_client
from pipeline.ending.finalisation import Services, finalise
from pipeline.ending.outcome import Failure
from pipeline.execution import Execution
from pipeline.settings import FinaliseSettings

_ENDS = {
    "ABORTED": Failure(
        error="Aborted", cause="Somebody stopped the execution. Redrive it to go on from its last checkpoint."
    ),
    "TIMED_OUT": Failure(
        error="TimedOut", cause="The execution reached its time limit. Redrive it to go on from its last checkpoint."
    ),
}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """Event: Step Functions' "Execution Status Change". Returns Outcome's fields; None if there is nothing to end.

    What the state machine carried is not known: the jobs are found by the names that they can have, the lock by its
    holder. Raises AwsUnavailable.
    """
    with raising_unavailable():
        description = stepfunctions_client().describe_execution(executionArn=event["detail"]["executionArn"])
    failure = _ENDS.get(description["status"])
    if failure is None:  # redriven before this event arrived
        return None
    return finalise(
        Services(sagemaker=sagemaker_client(), s3=s3_client(), sns=sns_client(), cloudwatch=cloudwatch_client()),
        state={},
        execution=Execution.from_description(description),
        failure=failure,
        settings=FinaliseSettings.from_environment(os.environ),
        now=datetime.now(UTC),
    ).to_state()
