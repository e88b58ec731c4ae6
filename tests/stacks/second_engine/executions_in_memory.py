"""Step Functions' view of executions in memory: eventually consistent where a test wants it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.stacks.second_engine.api_error import ApiError
from tests.stacks.second_engine.clock import Clock

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:FloorplanDino-Training"


@dataclass(frozen=True)
class Moment:
    """What has been true of an execution since a time."""

    since: datetime
    status: str
    redrive_count: int
    error: str | None = None
    cause: str | None = None


@dataclass
class Execution:
    """One execution, with all that it went through."""

    arn: str
    name: str
    input: Any
    started: datetime
    moments: list[Moment]
    states: list[str] = field(default_factory=list)
    """The states it has entered, redrives included."""
    last_input: Any = None
    """The input of the last one."""
    events: int = 0
    """Of its history."""
    output: Any = None

    @property
    def now(self) -> Moment:
        return self.moments[-1]


class ExecutionsInMemory:
    """`stale_for`: seconds for which answers lag behind what is true."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.executions: dict[str, Execution] = {}
        self.stale_for = 0.0

    def start(self, name: str, given: Any) -> Execution:
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
        now = self._clock.now()
        self.executions[arn] = Execution(arn, name, given, now, [Moment(now, "RUNNING", 0)])
        return self.executions[arn]

    def set(
        self,
        execution: Execution,
        status: str,
        *,
        redrives: int = 0,
        error: str | None = None,
        cause: str | None = None,
    ) -> None:
        count = execution.now.redrive_count + redrives
        execution.moments.append(Moment(self._clock.now(), status, count, error, cause))

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        execution = self.executions.get(executionArn)
        moment = self._seen(execution) if execution else None
        if execution is None or moment is None:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{executionArn}'")
        return self._summary(execution, moment) | {"error": moment.error or "", "cause": moment.cause or ""}

    def list_executions(self, *, statusFilter: str | None = None, **_: Any) -> dict[str, Any]:
        seen = [(each, self._seen(each)) for each in self.executions.values()]
        found = [
            self._summary(each, moment) for each, moment in seen if moment and statusFilter in (None, moment.status)
        ]
        return {"executions": sorted(found, key=lambda item: item.get("stopDate", item["startDate"]), reverse=True)}

    def get_execution_history(self, *, executionArn: str, **_: Any) -> dict[str, Any]:
        execution = self.executions[executionArn]
        last = {"timestamp": self._clock.now(), "type": "TaskStateEntered", "id": execution.events}
        return {"events": [last] if execution.events else []}

    def _seen(self, execution: Execution) -> Moment | None:
        latest = self._clock.now() - timedelta(seconds=self.stale_for)
        return next((moment for moment in reversed(execution.moments) if moment.since <= latest), None)

    @staticmethod
    def _summary(execution: Execution, moment: Moment) -> dict[str, Any]:
        ended = {} if moment.status == "RUNNING" else {"stopDate": moment.since}
        return {
            "executionArn": execution.arn,
            "stateMachineArn": MACHINE,
            "name": execution.name,
            "status": moment.status,
            "startDate": execution.started,
            "redriveCount": moment.redrive_count,
            **ended,
        }
