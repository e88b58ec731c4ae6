"""One run of the chaos: the fault is provoked, and afterwards everything must be in a right and notified state."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.executions import describe, end_of, within
from tests.chaos.faults.fault import PREFIX, REGISTERED, Fault
from tests.chaos.stand_in import JobPlan, put_stand_in
from tests.chaos.sweeping import sweep_later
from tests.end_to_end.deployed import Deployed
from tests.end_to_end.deployment import deployed_stack

CONTEXT = {
    "default_preset": "tiny",
    "watch_interval_seconds": "25",  # times WAIT_SCALE
    # Longer than a healthy job is silent on a busy machine, and short enough to wait for.
    "stall_minutes": "0.5",
    "queue_minutes": "0.1",
    "quality_gate": '{"room": 0.8}',
}
WAIT_SCALE = 0.02
STOP_GRACE_SECONDS = 3
END_SECONDS = 150.0
"""An execution that has not ended by then never will."""
LASTING = frozenset({"stale_seconds", "delay_status_events", "double_status_events", "lambda_concurrency"})
"""Conditions that last over a redrive; what else is wrong is put right before it."""
SETTLING_SECONDS = 30.0
"""For what an end sets going: a job's end, a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one run ended, and what is wrong with that."""

    seed: int
    fault: str
    executions: tuple[str, ...]
    """Their ARNs."""
    ends: tuple[str, ...]
    """Of each execution, and after its redrive."""
    messages: int
    """How many must tell of each execution."""
    seconds: float
    wrong: tuple[str, ...]
    """One sentence for each thing; none if all is right."""

    def line(self) -> str:
        """For people."""
        verdict = f"WRONG: {' '.join(self.wrong)}" if self.wrong else "right"
        return f"seed {self.seed:3d}  {self.seconds:5.1f} s  {self.fault} -> {', '.join(self.ends)}: {verdict}"


@contextmanager
def chaos_deployment(scratch: Path) -> Iterator[Deployed]:
    """The stack on an embedded AWS that enforces IAM, so that no fault leads where a role may not; a valid data set."""
    with deployed_stack(
        scratch, context=CONTEXT, wait_scale=WAIT_SCALE, stop_grace=STOP_GRACE_SECONDS, enforce_iam=True
    ) as deployed:
        deployed.upload_plans(PREFIX)
        yield deployed


def run_chaos(deployed: Deployed, seed: int, fault: Fault) -> Verdict:
    """Provoke the fault and judge what came of it; `seed`: by which it was drawn."""
    started = time.monotonic()
    put_stand_in(deployed, fault.job)
    deployed.aws.faults.switch(**fault.condition)
    fault.before(deployed)
    executions = [start(deployed, fault)]
    fault.during(deployed, executions[0])
    if fault.second_start_after is not None:
        time.sleep(fault.second_start_after)
        executions.append(start(deployed, fault))
    wrong = complaints(deployed, fault, executions, ends=1)
    ends = [end_of(describe(deployed, arn)) for arn in executions]
    if fault.redriven and not wrong:
        put_right(deployed)
        deployed.aws.faults.switch(**{name: fault.condition[name] for name in fault.condition if name in LASTING})
        deployed.session.client("stepfunctions").redrive_execution(executionArn=executions[0])
        within(SETTLING_SECONDS, lambda: describe(deployed, executions[0]).get("redriveCount") == 1)
        redriven = replace(fault, ends=frozenset({REGISTERED}), cause="")
        wrong = complaints(deployed, redriven, executions, ends=2)
        ends.append(end_of(describe(deployed, executions[0])))
    clean_up(deployed, executions)
    return Verdict(
        seed=seed,
        fault=fault.name,
        executions=tuple(executions),
        ends=tuple(ends),
        messages=2 if fault.redriven else 1,
        seconds=time.monotonic() - started,
        wrong=tuple(wrong),
    )


def complaints(deployed: Deployed, fault: Fault, executions: list[str], *, ends: int) -> list[str]:
    """What is not as it must be once the executions have ended for the time `ends`."""
    found = []
    if not within(END_SECONDS, lambda: all(describe(deployed, arn)["status"] != "RUNNING" for arn in executions)):
        found.append(f"It had not ended after {END_SECONDS:.0f} s.")
    if fault.swept:
        sweep_later(deployed)
    described = {arn: describe(deployed, arn) for arn in executions}
    ended_as = [end_of(each) for each in described.values()]
    found += [
        f"It may not end as {end}: {each.get('cause')}."
        for end, each in zip(ended_as, described.values(), strict=True)
        if end not in fault.ends
    ]
    if fault.pattern is not None and tuple(sorted(ended_as)) != fault.pattern:
        found.append(f"Together they must end as {', '.join(fault.pattern)}.")
    found += [
        f"The cause does not say {fault.cause!r}: {each.get('cause')}."
        for each in described.values()
        if each["status"] == "FAILED" and fault.cause not in each.get("cause", "")
    ]
    if not within(SETTLING_SECONDS, lambda: not deployed.jobs_at_work()):
        found.append(f"Training jobs still run: {', '.join(deployed.jobs_at_work())}.")
    for arn in executions:
        within(SETTLING_SECONDS, lambda arn=arn: len(deployed.messages_about(arn)) >= ends)  # type: ignore[misc]
        messages = deployed.messages_about(arn)
        if len(messages) != ends:
            found.append(f"{len(messages)} messages tell of {arn}: {[each['Subject'] for each in messages]}.")
    return found + [f"The lock {key} is held." for key in deployed.locks()]


def late_messages(deployed: Deployed, verdicts: Sequence[Verdict]) -> list[str]:
    """One sentence for each execution of which too many messages or none tell after all runs have ended."""
    counted = {(each, arn): len(deployed.messages_about(arn)) for each in verdicts for arn in each.executions}
    return [
        f"In the end {count} messages tell of {arn}, of seed {each.seed}."
        for (each, arn), count in counted.items()
        if count != each.messages
    ]


def start(deployed: Deployed, fault: Fault) -> str:
    """Start the state machine with the fault's request; the execution's ARN."""
    machines = deployed.session.client("stepfunctions")
    arn: str = machines.start_execution(
        stateMachineArn=deployed.outputs["StateMachineArn"], input=json.dumps(dict(fault.request))
    )["executionArn"]
    return arn


def put_right(deployed: Deployed) -> None:
    """From now on nothing is wrong, and jobs come to a good end."""
    deployed.aws.faults.clear()
    deployed.aws.service_quotas.reset()
    put_stand_in(deployed, JobPlan())


def clean_up(deployed: Deployed, executions: list[str]) -> None:
    """Nothing of this run's faults may reach the next one, even if it ended wrong."""
    put_right(deployed)
    for arn in executions:
        if describe(deployed, arn)["status"] == "RUNNING":
            deployed.session.client("stepfunctions").stop_execution(executionArn=arn)
    within(SETTLING_SECONDS, lambda: not deployed.jobs_at_work())
