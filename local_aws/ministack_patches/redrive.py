"""RedriveExecution for ministack's Step Functions, which 1.5.33 does not have, with AWS's rules.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
A failed, aborted or timed-out execution goes on, under its own ARN, at its last state with the input that this state
had. Other than on AWS a Map or Parallel state is run again as a whole, and JSONata variables are lost.
"""

from __future__ import annotations

import contextvars
import importlib
import json
import threading
from typing import Any

from .rewriting import rewrite

REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")


def apply() -> None:
    """Add the operation, its traces in DescribeExecution, in status events and in the context object."""
    states = importlib.import_module("ministack.services.stepfunctions")
    vars(states).update(resume_at=resume_at, still_walks=still_walks)
    # A walk ends when the execution was stopped, also if meanwhile another walk has begun in it.
    rewrite(
        states,
        "_run_execution",
        {
            "    time.sleep(0.15)\n": '    walk = execution.get("redriveCount", 0)\n    time.sleep(0.15)\n',
            '            "StartTime": execution["startDate"],\n': (
                '            "StartTime": execution["startDate"],\n'
                '            **({"RedriveCount": walk, "RedriveTime": execution["redriveDate"]} if walk else {}),\n'
            ),
            '        while current_name and execution["status"] == "RUNNING":\n': (
                "        current_name, current_input = resume_at(execution, current_name, current_input)\n"
                "        while current_name and still_walks(execution, walk):\n"
            ),
            '        if execution["status"] == "RUNNING":\n': "        if still_walks(execution, walk):\n",
            "        _fail_execution(execution, err.error, err.cause)\n": (
                "        if still_walks(execution, walk):\n"
                "            _fail_execution(execution, err.error, err.cause)\n"
            ),
            '        _fail_execution(execution, "States.Runtime", str(exc))\n': (
                "        if still_walks(execution, walk):\n"
                '            _fail_execution(execution, "States.Runtime", str(exc))\n'
            ),
        },
    )
    rewrite(
        states,
        "_emit_execution_status_event",
        {
            "    redrivable = failed  # TIMED_OUT is never set locally; FAILED is the one\n": (
                f"    redrivable = status in {REDRIVABLE!r}\n"
            ),
            '"redriveCount": 0,': '"redriveCount": execution.get("redriveCount", 0),',
            '"redriveDate": None,': '"redriveDate": _iso_to_epoch_ms(execution.get("redriveDate")),',
        },
    )
    add_operation(states)


def add_operation(states: Any) -> None:  # noqa: ANN401  a module that has no types
    """Answer RedriveExecution, and complete what DescribeExecution answers."""
    handle = states.handle_request

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: object) -> Any:  # noqa: ANN401
        target = headers.get("x-amz-target", "")
        if target == "AWSStepFunctions.RedriveExecution":
            return states._finalize_response(redrive(states, json.loads(body)))
        status, answered, content = await handle(method, path, headers, body, query)
        if target == "AWSStepFunctions.DescribeExecution" and status == 200:
            execution = states._executions[json.loads(body)["executionArn"]]
            return states._finalize_response(states.json_response(json.loads(content) | description(execution)))
        return status, answered, content

    states.handle_request = handle_request


def redrive(states: Any, request: dict[str, Any]) -> Any:  # noqa: ANN401
    """RedriveExecution: have the execution go on."""
    arn = request.get("executionArn", "")
    execution = states._executions.get(arn)
    if execution is None:
        return states.error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
    token = request.get("clientToken")
    if token and token == execution.get("redriveToken"):
        return states.json_response({"redriveDate": execution["redriveDate"]})
    if execution["status"] not in REDRIVABLE:
        reason = description(execution)["redriveStatusReason"]
        return states.error_response_json("ExecutionNotRedrivable", reason, 400)
    count, now = execution.get("redriveCount", 0) + 1, states.now_iso()
    execution.update(redriveCount=count, redriveDate=now, redriveToken=token, stopDate=None, output=None)
    execution.pop("error", None)
    execution.pop("cause", None)
    states._add_event(execution, "ExecutionRedriven", {"executionRedrivenEventDetails": {"redriveCount": count}})
    execution["status"] = "RUNNING"
    states._emit_execution_status_event(execution)
    # The request's account and region are in context variables, which a thread does not inherit.
    walk = contextvars.copy_context()
    threading.Thread(target=walk.run, args=(states._run_execution, arn), daemon=True).start()
    return states.json_response({"redriveDate": now})


def description(execution: dict[str, Any]) -> dict[str, Any]:
    """What DescribeExecution tells about redrives."""
    status = execution["status"]
    count = execution.get("redriveCount", 0)
    return {
        "redriveCount": count,
        **({"redriveDate": execution["redriveDate"]} if count else {}),
        **(
            {"redriveStatus": "REDRIVABLE"}
            if status in REDRIVABLE
            else {
                "redriveStatus": "NOT_REDRIVABLE",
                "redriveStatusReason": f"Execution is {status} and cannot be redriven",
            }
        ),
    }


def still_walks(execution: dict[str, Any], walk: int) -> bool:
    """Whether the walk that began with this number of redrives is to go on."""
    return bool(execution["status"] == "RUNNING" and execution.get("redriveCount", 0) == walk)


def resume_at(execution: dict[str, Any], start: str, given: object) -> tuple[str, Any]:
    """The state at which a walk begins, and its input: the start, or after a redrive the last one that was entered."""
    if execution.get("redriveCount", 0):
        for event in reversed(execution["events"]):
            if entered := event.get("stateEnteredEventDetails"):
                return entered["name"], json.loads(entered["input"])
    return start, given
