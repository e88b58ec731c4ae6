"""The one handler that EventBridge calls: an execution that was aborted or timed out runs no further step itself."""

from collections.abc import Mapping
from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.clients import stepfunctions_client
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.outcome import Failure
from pipeline.execution import Execution
from pipeline.state import to_state
from pipeline.step import logged
from pipeline.steps.finalise import finalised

FAILURES = {
    "ABORTED": Failure(
        error="Aborted", cause="Somebody stopped the execution. Redrive it to go on from its last checkpoint."
    ),
    "TIMED_OUT": Failure(
        error="TimedOut", cause="The execution reached its time limit. Redrive it to go on from its last checkpoint."
    ),
}


def handler(event: Mapping[str, Any], _context: object) -> Any:  # noqa: ANN401 - JSON
    """Event: Step Functions' "Execution Status Change". Returns the outcome; None if the execution goes on.

    What the state machine carried is not known: the jobs are found by the names that they can have, the lock by its
    holder. Raises AwsUnavailable.
    """
    with raising_unavailable():
        description = stepfunctions_client().describe_execution(executionArn=event["detail"]["executionArn"])
    failure = FAILURES.get(description["status"])
    if failure is None:  # redriven before this event arrived
        return None
    execution = Execution.from_description(description)
    return to_state(logged("aborted", execution, lambda: finalised(execution, ExecutionState(), failure)))
