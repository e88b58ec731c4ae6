"""moto's interpreter of the Amazon States Language, on a clock of its own, with what it lacks of the real service.

It knows no error that States.ALL does not catch, no limit of events or of what a task is given, and no Map that
fails since it tolerates less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timezone
from functools import cache
from typing import Any
from unittest import mock

from moto.stepfunctions.parser.api import HistoryEventType, MapRunFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.state import state as asl_state
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils, state_task_lambda
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext, EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramStopped
from moto.stepfunctions.parser.asl.eval.states import ContextObjectData, StateMachineData
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.quotas import is_within_size_quota

from tests.stacks.second_engine.clock import Clock
from tests.stacks.second_engine.functions import FunctionError

UNCATCHABLE = ("States.DataLimitExceeded", "States.Runtime")
MOST_EVENTS = 25_000
Invoke = Callable[[str, str], str]
"""A function's logical name and its payload -> its answer; raises FunctionError."""


@dataclass(frozen=True)
class Walk:
    """How far the interpreter came."""

    status: str
    states: tuple[str, ...]
    last_input: Any
    """Of the state that it entered last."""
    events: int
    """Since its start."""
    error: str | None = None
    cause: str | None = None
    output: Any = None


class Interpreter:
    """One definition; `stop`, while it walks, aborts the execution."""

    def __init__(self, definition: Mapping[str, Any], clock: Clock) -> None:
        text = re.sub(
            r"<(\w*Function\w*)\.Arn>", r"arn:aws:lambda:us-east-1:123456789012:function:\1", json.dumps(definition)
        )
        # Its grammar has no percentage without a point.
        text = re.sub(r'("ToleratedFailurePercentage": \d+)(?=[,}])', r"\1.0", text)
        self._definition, self._clock = text, clock
        self._environment: Environment | None = None

    def stop(self) -> None:
        """Abort it: no further state is entered."""
        assert self._environment is not None, "nothing runs"
        self._environment.set_stop(stop_date=datetime.now(UTC), cause="by hand", error=None)

    @property
    def events(self) -> int:
        """Of the walk so far."""
        assert self._environment is not None
        return len(self._environment.event_manager._history_event_list)

    def walk(
        self,
        invoke: Invoke,
        context: dict[str, Any],
        *,
        resume: tuple[str, Any] | None = None,
        earlier_events: int = 0,
        most_events: int = MOST_EVENTS,
    ) -> Walk:
        """Go from the start, or from the state `resume` with its input, to an end. `context`: $$.Execution."""
        program, start = _parsed(self._definition)
        program.start_at.start_at_name = start
        environment = self._environment = Environment(
            aws_execution_details=AWSExecutionDetails(
                account="123456789012", region="us-east-1", role_arn=context["RoleArn"]
            ),
            execution_type="STANDARD",  # type: ignore[arg-type]
            context=ContextObjectData(
                Execution=context,  # type: ignore[typeddict-item]
                StateMachine=StateMachineData(Id=context["Id"], Name="FloorplanDino-Training"),
            ),
            event_history_context=EventHistoryContext.of_program_start(),
            cloud_watch_logging_session=None,
            activity_store={},
        )
        if resume is not None:
            program.start_at.start_at_name = resume[0]
            environment.states.reset(input_value=resume[1])
        with _patched(self._clock, invoke, earlier_events, most_events):
            program.eval(environment)
        return self._walked(environment)

    @staticmethod
    def _walked(environment: Environment) -> Walk:
        history: list[Any] = environment.event_manager._history_event_list
        entered = [event["stateEnteredEventDetails"] for event in history if "stateEnteredEventDetails" in event]
        found: dict[str, Any] = {
            "states": tuple(details["name"] for details in entered),
            "last_input": json.loads(entered[-1]["input"]) if entered else None,
            "events": len(history),
        }
        end = environment.program_state()
        if isinstance(end, ProgramEnded):
            return Walk("SUCCEEDED", output=environment.states.get_input(), **found)
        if isinstance(end, ProgramStopped):
            return Walk("ABORTED", **found)
        details = getattr(end, "error", None) or {}
        return Walk("FAILED", error=details.get("error"), cause=details.get("cause"), **found)


@cache
def _parsed(definition: str) -> tuple[Any, str]:
    """The program, which takes most of a second to parse and carries no state, and where it starts."""
    program: Any = AmazonStateLanguageParser.parse(definition)[0]
    return program, program.start_at.start_at_name


@contextmanager
def _patched(clock: Clock, invoke: Invoke, earlier_events: int, most_events: int) -> Iterator[None]:
    def invoke_function(*, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        payload = parameters["Payload"]
        name = parameters["FunctionName"].rpartition(":")[2]
        try:
            if not is_within_size_quota(payload := payload.decode() if isinstance(payload, bytes) else payload):
                raise FunctionError("States.DataLimitExceeded", "The state's input is larger than 256 KB.")
            answer = invoke(name, payload)
        except FunctionError as failed:
            if failed.error == "States.Timeout":
                raise TimeoutError from None
            known = failed.cause.startswith("{")
            cause = failed.cause if known else json.dumps({"errorType": failed.error, "errorMessage": failed.cause})
            raise lambda_eval_utils.LambdaFunctionErrorException("Unhandled", cause) from None
        return {"Payload": json.loads(answer), "StatusCode": 200}

    add_event, handle_retry, handle_catch = (
        EventManager.add_event,
        ExecutionState._handle_retry,
        ExecutionState._handle_catch,
    )
    run_map = DistributedIterationComponent._map_run

    def add_counted_event(manager: EventManager, *arguments: Any, **named: Any) -> int:
        kind = named.get("event_type", arguments[1] if len(arguments) > 1 else "")
        if len(manager._history_event_list) + earlier_events >= most_events and not str(kind).endswith(
            "ExecutionFailed"
        ):
            raise RuntimeError("The execution reached the maximum number of history events (25000).")
        return add_event(manager, *arguments, **named)

    def retry(state: ExecutionState, env: Environment, failure_event: FailureEvent) -> RetryOutcome:
        if _name(failure_event) in UNCATCHABLE:
            return RetryOutcome.CannotRetry
        return handle_retry(state, env=env, failure_event=failure_event)

    def catch(state: ExecutionState, env: Environment, failure_event: FailureEvent) -> None:
        if _name(failure_event) in UNCATCHABLE:
            state._handle_uncaught(env=env, failure_event=failure_event)
        handle_catch(state, env=env, failure_event=failure_event)

    def map_run(component: DistributedIterationComponent, env: Environment, eval_input: Any) -> None:
        run_map(component, env=env, eval_input=eval_input)
        counter = eval_input.map_run_record.item_counter
        if counter.failed.get() * 100 > (eval_input.tolerated_failure_percentage or 0) * counter.total.get():
            raise FailureEventException(_threshold_exceeded(env))

    def pause(seconds: float) -> None:
        clock.advance(seconds)

    with (
        mock.patch.object(lambda_eval_utils, "_invoke_lambda_function", invoke_function),
        mock.patch.object(state_task_lambda, "CustomErrorName", ErrorName),  # that refuses names such as States.Timeout
        mock.patch.object(WaitFunction, "_wait_interval", lambda _self, env, wait_seconds: pause(wait_seconds)),
        mock.patch.object(asl_state, "datetime", mock.Mock(datetime=clock.datetime_class(), timezone=timezone)),
        mock.patch.object(retrier_decl, "time", mock.Mock(sleep=pause)),
        mock.patch.object(EventManager, "add_event", add_counted_event),
        mock.patch.object(ExecutionState, "_handle_retry", retry),
        mock.patch.object(ExecutionState, "_handle_catch", catch),
        mock.patch.object(DistributedIterationComponent, "_map_run", map_run),
    ):
        yield


def _name(failed: FailureEvent) -> str:
    return str(failed.error_name.error_name) if failed.error_name else ""


def _threshold_exceeded(env: Environment) -> FailureEvent:
    error = "States.ExceedToleratedFailureThreshold"
    details = MapRunFailedEventDetails(error=error, cause="The specified tolerated failure threshold was exceeded")
    return FailureEvent(
        env=env,
        error_name=StatesErrorName(StatesErrorNameType.StatesExceedToleratedFailureThreshold),
        event_type=HistoryEventType.MapRunFailed,
        event_details=EventDetails(mapRunFailedEventDetails=details),  # type: ignore[typeddict-item]
    )
