"""Step Failed: end the execution with the run's error, or after a redrive let the run begin anew."""

from __future__ import annotations

from typing import Any

from pipeline.execution import Execution


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "outcome"}. Raises the outcome's error, under its name, with its cause.

    A redrive runs this step again, since it is the one that did not succeed: then it returns an empty state, and each
    step of the run finds what the earlier try has left.
    """
    outcome = event["outcome"]
    if Execution.from_context(event["execution"]).redrive_count > outcome["redrive_count"]:
        return {}
    raise _named(outcome["error"])(outcome["cause"])


def _named(error: str) -> type[Exception]:
    """Lambda tells the state machine the class's name: that is what the console shows as the execution's error."""
    return type(error, (Exception,), {})
