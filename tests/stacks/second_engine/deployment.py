"""The stack in memory: executions from their start to their end, aborts, redrives, and the rules that see them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.contract.samples import SampleDataset
from tests.stacks.second_engine.account import Account
from tests.stacks.second_engine.executions_in_memory import Execution
from tests.stacks.second_engine.functions import FunctionError, Functions
from tests.stacks.second_engine.interpreter import MOST_EVENTS, Interpreter

FILES = SampleDataset().all_files()
_ASYNCHRONOUS_RETRIES = (60, 120)
"""Seconds before Lambda tries an asynchronous invocation again."""


class Deployment:
    """`template` and `definition` are the synthesised ones. Each test has its own."""

    def __init__(self, template: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
        self.account = Account()
        self.functions = Functions(self.account, template)
        self._interpreter = Interpreter(definition, self.account.clock)
        self._rules = [
            resource["Properties"]
            for resource in template["Resources"].values()
            if resource["Type"] == "AWS::Events::Rule"
        ]
        self.delivers_events = True
        """Whether the rule sees an execution's end by itself; a test may deliver `events` later, or not at all."""
        self.events: list[dict[str, Any]] = []
        """Those that the rules' patterns match."""
        self.dead_letters: list[dict[str, Any]] = []
        self.most_events = MOST_EVENTS
        for path, body in FILES.items():
            self.account.s3.put(f"dino-data/{path}", body)

    def run(self, given: object = None, *, name: str = "run-1") -> Execution:
        """Start an execution with this input, {} by default, and walk it to its end."""
        execution = self.account.executions.start(name, {} if given is None else given)
        self.functions_of_states(execution, resume=None)
        return execution

    def redrive(self, execution: Execution) -> Execution:
        """Redrive it and walk it to its end: it goes on at the state that it entered last."""
        assert execution.now.status in ("FAILED", "ABORTED", "TIMED_OUT")
        resume = (execution.states[-1], execution.last_input)
        self.account.executions.set(execution, "RUNNING", redrives=1)
        self.functions_of_states(execution, resume=resume)
        return execution

    def abort(self, execution: Execution) -> None:
        """Stop it, from `before` of a function; the rule sees that at once."""
        self._interpreter.stop()
        self.account.executions.set(execution, "ABORTED")
        self._ended(execution)

    def functions_of_states(self, execution: Execution, *, resume: tuple[str, Any] | None) -> None:
        """Walk."""
        earlier = execution.events

        def invoke(function: str, payload: str) -> str:
            execution.events = earlier + self._interpreter.events
            return self.functions.invoke(self.functions.by_logical_name[function], payload)

        walk = self._interpreter.walk(
            invoke,
            self._context(execution),
            resume=resume,
            earlier_events=earlier,
            most_events=self.most_events,
        )
        execution.events = earlier + walk.events
        execution.states += walk.states
        execution.last_input, execution.output = walk.last_input, walk.output
        if execution.now.status == "RUNNING":
            self.account.executions.set(execution, walk.status, error=walk.error, cause=walk.cause)
            self._ended(execution)

    def deliver(self, event: Mapping[str, Any]) -> None:
        """Call the rule's function with an event, as Lambda does asynchronously: two more tries, then a dead letter."""
        for pause in (*_ASYNCHRONOUS_RETRIES, None):
            try:
                self.functions.invoke(self._function_of(event), json.dumps(event))
            except FunctionError:
                if pause is None:
                    self.dead_letters.append(dict(event))
                    return
                self.account.clock.advance(pause)
            else:
                return

    def pass_time(self, minutes: int) -> None:
        """Let so many minutes pass; rules with a schedule call their functions."""
        schedules = [rule for rule in self._rules if "ScheduleExpression" in rule]
        for minute in range(1, minutes + 1):
            self.account.clock.advance(60)
            for rule in schedules:
                number, unit = rule["ScheduleExpression"].removeprefix("rate(").removesuffix(")").split()
                assert unit == "minutes"
                if minute % int(number) == 0:
                    self.call_on_schedule()

    def call_on_schedule(self) -> None:
        """What a rule with a schedule does when its time has come."""
        self.deliver({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})

    def locks(self) -> list[str]:
        """The keys of the locks."""
        return [key for key in self.account.s3.objects if key.startswith("locks/")]

    @property
    def running(self) -> Execution:
        """The one execution that runs."""
        (found,) = (each for each in self.account.executions.executions.values() if each.now.status == "RUNNING")
        return found

    @property
    def messages(self) -> list[str]:
        """The subjects of the messages that were sent."""
        return [subject for subject, _ in self.account.topic.messages]

    def _ended(self, execution: Execution) -> None:
        now = execution.now
        event = {
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "detail": {"executionArn": execution.arn, "status": now.status, "redriveCount": now.redrive_count},
        }
        if any(now.status in rule.get("EventPattern", {}).get("detail", {}).get("status", []) for rule in self._rules):
            self.events.append(event)
            if self.delivers_events:
                self.deliver(event)

    def _function_of(self, event: Mapping[str, Any]) -> str:
        """The function that the event's rule calls."""
        (target,) = (
            target["Arn"]["Fn::GetAtt"][0]
            for rule in self._rules
            for target in rule["Targets"]
            if event["source"] in rule.get("EventPattern", {"source": ["aws.events"]})["source"]
        )
        return next(name for logical, name in self.functions.by_logical_name.items() if target.startswith(logical))

    def _context(self, execution: Execution) -> dict[str, Any]:
        """$$.Execution."""
        count = execution.now.redrive_count
        return {
            "Id": execution.arn,
            "Input": execution.input,
            "Name": execution.name,
            "RoleArn": "arn:aws:iam::123456789012:role/StateMachine",
            "StartTime": _moment(execution.started),
            **({"RedriveCount": count, "RedriveTime": _moment(execution.now.since)} if count else {}),
        }


def _moment(moment: datetime) -> str:
    """As the context object has it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
