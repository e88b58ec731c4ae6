"""RedriveExecution for Step Functions, which ministack 1.5.33 lacks, with AWS's rules.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
A failed, aborted or timed-out execution continues, under its own ARN, at its last state with the input of that state.
Unlike on AWS, a Map or Parallel state runs again as a whole, and JSONata variables are lost.

ministack walks through the states with a record of the execution. A redrive replaces the record by a copy, so that an
earlier walk, which may still be busy with a task, can no longer change anything, and starts a new walk. In that walk
the first call of a state's code jumps to the state at which to resume.
"""

from __future__ import annotations

import contextvars
import importlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_aws.ministack_patches.stale_executions import executions_as_seen
from local_aws.ministack_patches.switched_faults import switched

REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
STATE_TYPES = ("pass", "task", "choice", "wait", "parallel", "map")


@dataclass(frozen=True)
class ResumePoint:
    """Where a redriven walk has to jump to, and what it adds to the context object ($$.Execution)."""

    state: str
    state_input: Any
    context: dict[str, Any]


RESUME: contextvars.ContextVar[ResumePoint | None] = contextvars.ContextVar("RESUME", default=None)
"""Set in the thread of a redriven walk until it has jumped."""


def apply() -> None:
    """Add the operation, and its traces in DescribeExecution, in status events and in the context object."""
    states: Any = importlib.import_module("ministack.services.stepfunctions")
    eventbridge: Any = importlib.import_module("ministack.services.eventbridge")
    for name in STATE_TYPES:
        setattr(states, f"_execute_{name}", jumping(getattr(states, f"_execute_{name}")))
    add_event, fail, describe = states._add_event, states._fail_execution, states._describe_execution
    put_events, handle = eventbridge._put_events, states.handle_request

    def add_event_unless_jumping(execution: dict[str, Any], kind: str, details: object = None) -> object:
        if RESUME.get() is None or not kind.endswith(("StateEntered", "StateExited")):
            return add_event(execution, kind, details)
        if kind.endswith("StateExited"):
            RESUME.set(None)
        return None

    def fail_if_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":  # a walk continues for a while after a stop
            fail(execution, error, cause)

    def describe_with_redrives(request: dict[str, Any]) -> Any:  # noqa: ANN401  ministack has no types
        status, headers, content = describe(request)
        if status != 200:
            return status, headers, content
        seen = executions_as_seen(states)[request["executionArn"]]
        return states.json_response(json.loads(content) | redrive_fields(seen))

    def put_events_with_redrives(request: dict[str, Any], **options: Any) -> Any:  # noqa: ANN401
        for entry in request.get("Entries", []):
            if entry.get("Source") == "aws.states" and options.get("allow_aws_source"):
                detail = json.loads(entry["Detail"])
                fields = redrive_fields(states._executions[detail["executionArn"]])
                fields["redriveDate"] = states._iso_to_epoch_ms(fields.get("redriveDate"))
                entry["Detail"] = json.dumps(detail | {"redriveStatusReason": None} | fields)
        return put_events(request, **options)

    async def handle_with_redrive(method: str, path: str, headers: dict[str, str], body: bytes, query: object) -> Any:  # noqa: ANN401
        if headers.get("x-amz-target") == "AWSStepFunctions.RedriveExecution":
            return states._finalize_response(redrive(states, json.loads(body)))
        return await handle(method, path, headers, body, query)

    states._add_event = add_event_unless_jumping
    states._fail_execution = fail_if_running
    states._describe_execution = describe_with_redrives
    states.handle_request = handle_with_redrive
    eventbridge._put_events = put_events_with_redrives


def jumping(execute: Callable[..., Any]) -> Callable[..., Any]:
    """The function that executes a state, or in a walk that still has to jump, gives the state to resume at."""

    def execute_or_jump(*arguments: Any) -> Any:  # noqa: ANN401
        point = RESUME.get()
        if point is None:
            return execute(*arguments)
        context = arguments[-1]
        context["Execution"].update(point.context)
        return point.state_input, point.state

    return execute_or_jump


def redrive(states: Any, request: dict[str, Any]) -> Any:  # noqa: ANN401
    """RedriveExecution."""
    arn = request.get("executionArn", "")
    ended = states._executions.get(arn)
    if ended is None:
        return states.error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
    token = request.get("clientToken")
    if token and token == ended.get("redriveToken"):
        return states.json_response({"redriveDate": ended["redriveDate"]})
    reason = redrive_fields(ended).get("redriveStatusReason")
    if reason:
        return states.error_response_json("ExecutionNotRedrivable", reason, 400)
    count, now = ended.get("redriveCount", 0) + 1, states.now_iso()
    execution = {name: value for name, value in ended.items() if name not in ("error", "cause")}
    execution |= {"status": "RUNNING", "stopDate": None, "output": None, "events": list(ended["events"])}
    execution |= {"redriveCount": count, "redriveDate": now, "redriveToken": token}
    states._executions[arn] = execution
    states._add_event(execution, "ExecutionRedriven", {"executionRedrivenEventDetails": {"redriveCount": count}})
    states._emit_execution_status_event(execution)
    # The request's account and region are in context variables, which a thread does not inherit.
    context = contextvars.copy_context()
    context.run(RESUME.set, resume_point(states, execution))
    threading.Thread(target=context.run, args=(states._run_execution, arn), daemon=True).start()
    return states.json_response({"redriveDate": now})


def resume_point(states: Any, execution: dict[str, Any]) -> ResumePoint:  # noqa: ANN401
    """The last state that was entered, or the first one if none was."""
    context = {"RedriveCount": execution["redriveCount"], "RedriveTime": execution["redriveDate"]}
    for event in reversed(execution["events"]):
        if entered := event.get("stateEnteredEventDetails"):
            return ResumePoint(entered["name"], json.loads(entered["input"]), context)
    definition = json.loads(states._state_machines[execution["stateMachineArn"]]["definition"])
    return ResumePoint(definition["StartAt"], json.loads(execution["input"]), context)


def redrive_fields(execution: dict[str, Any]) -> dict[str, Any]:
    """What DescribeExecution and status events tell about redrives."""
    status, count = execution["status"], execution.get("redriveCount", 0)
    fields: dict[str, Any] = {"redriveCount": count, "redriveStatus": "REDRIVABLE"}
    if count:
        fields["redriveDate"] = execution["redriveDate"]
    reason = None
    if status not in REDRIVABLE:
        reason = f"Execution is {status} and cannot be redriven"
    elif len(execution["events"]) >= switched().history_limit - 1:
        reason = "Execution history event limit exceeded"
    return fields | ({"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": reason} if reason else {})
