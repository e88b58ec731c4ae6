"""What AWS is like all the while: conditions under which a run goes right or another fault strikes.

One entry of FAULTS is one kind: a name, what is switched on (local_aws.ministack_faults), and what happens meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.chaos.faults.fault import ENDLESS, Fault, Kind
from tests.chaos.faults.job import failed_job, interrupted, killed_job
from tests.chaos.faults.people import aborted, redriven, stopped_by_hand, two_starts
from tests.chaos.faults.run import gate_not_met, nothing, spoilt_dataset, two_runs
from tests.chaos.stand_in import JobPlan


def under(
    name: str, drawn: Callable[[random.Random], dict[str, Any]], meanwhile: Sequence[Kind], *, swept: bool = False
) -> Kind:
    """One of the faults `meanwhile` under a condition, by which its end does not change.

    swept: whether the end is attended to by the sweep only.
    """

    def condition(rng: random.Random) -> Fault:
        fault, switches = rng.choice(meanwhile)(rng), drawn(rng)
        values = ", ".join(f"{value:.2g}" for value in switches.values() if value is not True)
        return replace(
            fault, name=f"{name}{values and f' {values}'}: {fault.name}", condition=switches, swept=swept or fault.swept
        )

    return condition


def limit_reached(
    name: str, drawn: Callable[[random.Random], dict[str, Any]], *, error: str, swept: bool = False
) -> Kind:
    """The execution fails, and no step follows; it may be redriven when there is room again."""

    def limit(rng: random.Random) -> Fault:
        switches = drawn(rng)
        return Fault(
            name=f"{name} {', '.join(f'{value}' for value in switches.values() if value is not True)}",
            ends=frozenset({f"FAILED {error}"}),
            job=JobPlan(steps=ENDLESS),
            condition=switches,
            swept=swept,
            redriven=rng.random() < 0.5,
        )

    return limit


def stale(rng: random.Random) -> dict[str, Any]:
    """Longer than a step, shorter than a step is tried again."""
    return {"stale_seconds": rng.uniform(0.2, 2)}


def little_history(rng: random.Random) -> dict[str, Any]:
    """Full anywhere between the first state and a job that is watched."""
    return {"history_limit": rng.randint(10, 150)}


STALE_ENDS = under("stale ends for", stale, [aborted, stopped_by_hand, redriven])
LOST_EVENTS = under("lost events", lambda _: {"drop_status_events": True}, [aborted], swept=True)
HISTORY_FULL_UNTOLD = limit_reached(
    "lost event of a history full at",
    lambda rng: little_history(rng) | {"drop_status_events": True},
    error="States.Runtime",
    swept=True,
)

FAULTS: tuple[Kind, ...] = (
    under("stale answers for", stale, [nothing, failed_job, killed_job, interrupted]),
    STALE_ENDS,
    under("stale locks for", stale, [two_starts]),
    LOST_EVENTS,
    under(
        "late events after",
        lambda rng: {"delay_status_events": rng.uniform(0.5, 5)},
        [aborted, failed_job, stopped_by_hand, redriven],
    ),
    under("doubled events", lambda _: {"double_status_events": True}, [aborted, failed_job, stopped_by_hand, redriven]),
    under(
        "bodies that break off",
        lambda rng: {"break_bodies": rng.randint(1, 9)},
        [nothing, two_runs, gate_not_met, spoilt_dataset],
    ),
    under("bodies that stall", lambda _: {"stall_bodies": 1}, [nothing, gate_not_met, spoilt_dataset]),
    under("concurrent functions", lambda _: {"lambda_concurrency": 1}, [two_starts, aborted]),
    limit_reached("history full at", little_history, error="States.Runtime"),
    HISTORY_FULL_UNTOLD,
    limit_reached(
        # A state that a job is watched with has some 2,800 bytes, and the job of this fault ends for no other reason.
        "state larger than",
        lambda rng: {"largest_state": rng.randint(500, 2500)},
        error="States.DataLimitExceeded",
    ),
)
