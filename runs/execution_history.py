"""Reads an execution's history: which states were entered, and with what input."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.client_types import SFNClient

from dataset_contract.bounded_json import JsonError, parse_bounded

_FIRST_STATE = "Start"
"""Its input is the execution's own, or after a redrive the end's: nothing of it is part of the state."""
_PAGE = 100
"""Events of one answer: each holds a whole state input, so that a thousand may be megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredState:
    """One state that was entered."""

    event_id: int
    name: str
    state_input: Mapping[str, Any]
    """Request, dataset, quote, job, watch, judgement, outcome, as far as the execution got."""


def newest_state(stepfunctions: SFNClient, execution_arn: str) -> EnteredState | None:
    """The state that the execution is in, or ended with; None if it has entered none yet."""
    return next(_backwards(stepfunctions, execution_arn), None)


def states_after(stepfunctions: SFNClient, execution_arn: str, event_id: int) -> list[EnteredState]:
    """The states that were entered after the event `event_id` (0: all), in their order.

    The history is read from its end, so that each poll of a long run costs one request.
    """
    new: list[EnteredState] = []
    for state in _backwards(stepfunctions, execution_arn):
        if state.event_id <= event_id:
            break
        new.append(state)
    return new[::-1]


def _backwards(stepfunctions: SFNClient, execution_arn: str) -> Iterator[EnteredState]:
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, reverseOrder=True, PaginationConfig={"PageSize": _PAGE}
    )
    for page in pages:
        for event in page["events"]:
            details = event.get("stateEnteredEventDetails")
            if details is not None:
                yield EnteredState(
                    event_id=event["id"],
                    name=details["name"],
                    state_input={} if details["name"] == _FIRST_STATE else _object(details.get("input")),
                )


def _object(text: str | None) -> Mapping[str, Any]:
    """The state's input, or {} if it is not an object."""
    try:
        value = parse_bounded(text or "{}")
    except JsonError:
        return {}
    return value if isinstance(value, dict) else {}
