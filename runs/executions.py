"""The runs, which are the state machine's executions: the last ones, one by its name, a new one, and the end of one."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pipeline.aws_errors import NO_EXECUTION, error_code
from pipeline.client_types import SFNClient

from dataset_contract.sanitise import sanitise
from runs.errors import RunsError
from runs.execution_history import newest_state
from runs.state_input import number, part, text

LAST_RUNS = 10
_LISTED = 100
"""Among so many that ended last, or run, are those that were started last."""
_SHOWN_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution as it is now."""

    arn: str
    name: str
    started: datetime
    status: str
    """As Step Functions names it: RUNNING, SUCCEEDED, FAILED, ABORTED, TIMED_OUT, PENDING_REDRIVE."""
    state: str
    """The state that it is in, or ended with; empty before the first."""
    state_input: Mapping[str, Any]
    """That state's input."""

    @property
    def outcome(self) -> Mapping[str, Any]:
        """How it ended, by Finalise; empty before that."""
        return part(self.state_input, "outcome")

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.status == "RUNNING"

    @property
    def summary(self) -> str:
        """How it ended, or where it is, in a word or two."""
        if self.is_running:
            return f"in {self.state or 'its beginning'}"
        if self.status in ("SUCCEEDED", "FAILED"):
            return (
                text(self.state_input, "outcome", "error")
                or text(self.state_input, "outcome", "decision")
                or self.state
            )
        return f"in {self.state}" if self.state else ""

    @property
    def cost_usd(self) -> float | None:
        """What its training cost, or has cost at the last snapshot; None before there is a training job."""
        if self.outcome:
            return number(self.state_input, "outcome", "cost_usd") if self.outcome.get("training_job_names") else None
        return number(self.state_input, "watch", "execution_cost_usd")


def last_runs(stepfunctions: SFNClient, state_machine_arn: str) -> list[Run]:
    """The newest LAST_RUNS runs, newest first."""
    return [_run(stepfunctions, item) for item in _by_start(stepfunctions, state_machine_arn)[:LAST_RUNS]]


def newest_succeeded(stepfunctions: SFNClient, state_machine_arn: str) -> Iterator[Run]:
    """The newest runs that succeeded, newest first, each read when it is its turn."""
    for item in _by_start(stepfunctions, state_machine_arn, statusFilter="SUCCEEDED"):
        yield _run(stepfunctions, item)


def without_model(run: Run) -> str:
    """That a run has no model, and how it ended."""
    return f"There is no model of {run.name}: it is {run.status}, {run.summary}."


def find_run(stepfunctions: SFNClient, state_machine_arn: str, name: str | None) -> Run:
    """The run `name`, or the newest one. Raises RunsError if there is none."""
    if name is None:
        listed = _by_start(stepfunctions, state_machine_arn)
        if not listed:
            raise RunsError("There is no run yet: `python -m runs start` starts one.")
        return _run(stepfunctions, listed[0])
    arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
    try:
        found = stepfunctions.describe_execution(executionArn=arn)
    except ClientError as error:
        if error_code(error) in NO_EXECUTION:
            raise RunsError(f"There is no run {sanitise(name)}: `python -m runs` lists the last ones.") from None
        raise
    return _run(stepfunctions, found)


def _by_start(stepfunctions: SFNClient, state_machine_arn: str, **only: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401
    """The last executions, by their start, the newest first: ListExecutions sorts those that ended by their end.

    `only` are further parameters of ListExecutions.
    """
    listed = stepfunctions.list_executions(stateMachineArn=state_machine_arn, maxResults=_LISTED, **only)["executions"]
    return sorted(listed, key=lambda item: item["startDate"], reverse=True)


def start_run(stepfunctions: SFNClient, state_machine_arn: str, request: Mapping[str, Any], *, now: datetime) -> str:
    """Start a run named by the time and return its ARN. Resolve checks the request."""
    name = f"run-{now.astimezone(UTC):%Y%m%d-%H%M%S}"
    try:
        started = stepfunctions.start_execution(stateMachineArn=state_machine_arn, name=name, input=json.dumps(request))
    except ClientError as error:
        if error_code(error) == "ExecutionAlreadyExists":
            raise RunsError(f"A run {name} was started in the same second: try again.") from None
        raise
    return started["executionArn"]


def wait_until_shown(stepfunctions: SFNClient, arn: str) -> None:
    """Return when AWS shows an execution that was just started: DescribeExecution is eventually consistent.

    Return after half a minute all the same, or when AWS does not tell: it was started.
    """
    deadline = time.monotonic() + _SHOWN_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            stepfunctions.describe_execution(executionArn=arn)
        except ClientError as error:
            if error_code(error) not in NO_EXECUTION:
                return
        except BotoCoreError:
            return
        else:
            return
        time.sleep(0.5)


def name_of(arn: str) -> str:
    """The execution's name."""
    return arn.rpartition(":")[2]


def stop_run(stepfunctions: SFNClient, run: Run) -> None:
    """Abort the execution. Raises RunsError if it has ended already."""
    if not run.is_running:
        raise RunsError(f"The run {run.name} has ended already: it is {run.status}.")
    stepfunctions.stop_execution(
        executionArn=run.arn, error="Aborted", cause="Somebody stopped the run with `python -m runs stop`."
    )


def _run(stepfunctions: SFNClient, execution: Mapping[str, Any]) -> Run:
    """`execution` is DescribeExecution's answer, or an item of ListExecutions'."""
    state = newest_state(stepfunctions, execution["executionArn"])
    return Run(
        arn=execution["executionArn"],
        name=execution["name"],
        started=execution["startDate"],
        status=execution["status"],
        state=state.name if state else "",
        state_input=state.state_input if state else {},
    )
