"""Ends without Finalise: an execution that was aborted, ran out of time or failed uncaught runs no further step."""

from collections.abc import Mapping
from typing import Any

from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.outcome import Failure
from pipeline.errors import CaughtError
from pipeline.execution import Execution

STOPPED = {
    "ABORTED": Failure(
        error="Aborted", cause="Somebody stopped the execution. Redrive it to go on from its last checkpoint."
    ),
    "TIMED_OUT": Failure(
        error="TimedOut", cause="The execution reached its time limit. Redrive it to go on from its last checkpoint."
    ),
}
"""By the execution's status."""


def failure_of(description: Mapping[str, Any]) -> Failure | None:
    """What the ended execution, as DescribeExecution shows it, failed with; None if it succeeded."""
    if description["status"] != "FAILED":
        return STOPPED.get(description["status"])
    caught = CaughtError(Error=description.get("error") or "Unknown", Cause=description.get("cause") or "")
    return ExecutionState(failure=caught).failure_of(Execution.from_description(description))
