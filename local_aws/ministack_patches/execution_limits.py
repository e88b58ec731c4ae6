"""The limits at which AWS ends an execution, whatever its Retry and Catch say; ministack 1.5.33 has neither.

They are 25,000 events in the history, and 256 KB of a state's input or output.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html#service-limits-state-machine-executions
"""

from __future__ import annotations

import importlib
from typing import Any

from local_aws.ministack_patches.switched_faults import switched


class LimitReachedError(Exception):
    """Ends the walk through the states: ministack retries and catches its own errors only."""


def apply() -> None:
    """Check each event as it is added to an execution's history."""
    states: Any = importlib.import_module("ministack.services.stepfunctions")
    add_event = states._add_event

    def add_event_within_limits(execution: dict[str, Any], kind: str, details: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        event = add_event(execution, kind, details)
        if execution["status"] != "RUNNING" or "mapRunArn" in execution:
            return event
        data = [text for each in (details or {}).values() for name, text in each.items() if name in ("input", "output")]
        if any(len(text.encode()) > switched().largest_state for text in data):
            cause = "The state/task returned a result with a size exceeding the maximum number of bytes service limit."
            fail(states, execution, "States.DataLimitExceeded", cause)
        most = switched().history_limit
        if len(execution["events"]) >= most - 1:  # the last one tells of the failure
            cause = f"The execution reached the maximum number of history events ({most})."
            fail(states, execution, "States.Runtime", cause)
        return event

    states._add_event = add_event_within_limits


def fail(states: Any, execution: dict[str, Any], error: str, cause: str) -> None:  # noqa: ANN401
    """End the execution. Raises LimitReachedError, too late for its failure to be told a second time."""
    states._fail_execution(execution, error, cause)
    raise LimitReachedError(cause)
