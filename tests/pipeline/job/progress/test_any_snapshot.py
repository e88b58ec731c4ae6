"""Whatever a job's snapshot is, there is one action that the state machine can follow."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from pipeline.job.description import ON_INSTANCE, QUEUED
from pipeline.job.launched_job import StopReason
from pipeline.job.progress import judge_progress
from pipeline.state import to_state

from tests.pipeline.job.progress.snapshots import (
    any_snapshot,
)

statuses = st.sampled_from(["InProgress", "Stopping", "Stopped", "Failed", "Completed"])
secondaries = st.sampled_from(
    sorted(QUEUED | ON_INSTANCE | {"Stopped", "Failed", "Completed", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"})
)
odd_numbers = st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e-320, 1e300, 0.01, 2.7])
stops = st.none() | st.builds(StopReason, error=st.just("OverBudget"), cause=st.just("x"), relaunch=st.booleans())


@given(
    status=statuses,
    secondary=secondaries,
    last=st.none() | st.integers(-100, 100),
    training=st.lists(st.tuples(st.integers(0, 2000), odd_numbers, odd_numbers), max_size=12),
    stop=stops,
    choice=st.integers(0, 1),
    first=st.sampled_from(["open", "passed"]),
    reason=st.text(),
)
def test_every_snapshot_has_one_action_that_the_state_machine_can_follow(
    status: str,
    secondary: str,
    last: int | None,
    training: list[tuple[int, float, float]],
    *,
    stop: StopReason | None,
    choice: int,
    first: str,
    reason: str,
) -> None:
    progress = judge_progress(any_snapshot(status, secondary, last, training, stop, choice, first, reason))
    state = to_state(progress)
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert progress.sentence.isprintable()
    ended = status in ("Stopped", "Failed", "Completed")
    if progress.action in ("failed", "stop", "first_minutes_failed") and not progress.relaunch:
        assert progress.error
        assert progress.cause
        assert progress.cause.isprintable()
    assert (progress.attempt is not None) is (progress.action == "relaunch")
    assert (progress.action in ("relaunch", "completed", "failed")) is ended, "never ask for a job beside a running one"
    if progress.attempt:
        assert progress.attempt.number == 1
