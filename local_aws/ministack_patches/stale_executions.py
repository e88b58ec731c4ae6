"""Executions as DescribeExecution and ListExecutions see them, which on AWS are eventually consistent; AWS's order.

Each status event comes with a change of an execution, so a copy of its record is kept with each of them.
ministack 1.5.33 lists a redriven execution by its start; AWS, by its redrive.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from local_aws.ministack_patches.switched_faults import switched

Record = dict[str, Any]
COPIES = "copies"
"""Of a record: itself as it was, with the moments from which on it was so."""


def apply() -> None:
    """Keep the copies, and let the two operations see those of the time that is switched on."""
    states: Any = importlib.import_module("ministack.services.stepfunctions")
    emit, sort_key = states._emit_execution_status_event, states._execution_sort_key

    def emit_and_keep(execution: Record) -> None:
        copy = {name: value for name, value in execution.items() if name != COPIES}
        execution[COPIES] = [*execution.get(COPIES, []), (time.monotonic(), copy)]
        emit(execution)

    def sort_key_with_redrive(execution: Record) -> Any:  # noqa: ANN401  ministack has no types
        redriven = states._executions[execution["executionArn"]].get("redriveDate")
        return sort_key(execution | {"startDate": redriven or execution["startDate"]})

    states._emit_execution_status_event = emit_and_keep
    states._execution_sort_key = sort_key_with_redrive
    for name in ("_describe_execution", "_list_executions"):
        setattr(states, name, seeing(states, getattr(states, name)))


def seeing(states: Any, operation: FunctionType) -> Any:  # noqa: ANN401
    """The operation, which sees the executions as they were."""

    def see(request: Record) -> Any:  # noqa: ANN401
        names = vars(states) | {"_executions": executions_as_seen(states)}
        return FunctionType(operation.__code__, names, argdefs=operation.__defaults__)(request)

    return see


def executions_as_seen(states: Any) -> Mapping[str, Record]:  # noqa: ANN401
    """The records as they were so many seconds ago as is switched on; now, unless it is."""
    records: Mapping[str, Record] = states._executions
    if not switched().stale_seconds:
        return records
    moment = time.monotonic() - switched().stale_seconds
    seen = {}
    for arn, record in records.items():
        copies = [copy for since, copy in record.get(COPIES, [(0.0, record)]) if since <= moment]
        if copies:
            seen[arn] = copies[-1]
    return seen
