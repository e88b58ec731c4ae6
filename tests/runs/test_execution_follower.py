"""Following a run: each state once, in order; each line of its jobs' logs once, in order."""

import time
from typing import Any, cast

import boto3
import pytest

from runs.execution_follower import EARLIER_LINES, ExecutionFollower
from runs.execution_history import newest_state, states_after
from tests.contract.test_bounded_json import ATTACKS
from tests.runs.cloud_in_memory import MACHINE, Cloud, Execution

FIRST, SECOND = {"job": {"name": "first"}}, {"job": {"name": "second"}}


def follow(cloud: Cloud) -> tuple[ExecutionFollower, list[str]]:
    """A follower of the cloud's only execution, and what it reports."""
    seen: list[str] = []
    follower = ExecutionFollower(
        cast(boto3.Session, cloud),
        on_state=lambda name, state_input: seen.append(f"state {name} {sorted(state_input)}"),
        on_log=lambda line: seen.append(f"log {line}"),
        poll_seconds=0,
    )
    follower.attach(cloud.executions[0].arn)
    return follower, seen


def test_each_state_is_reported_once_in_order_with_what_it_carries() -> None:
    states: list[tuple[str, dict[str, Any]]] = [("Start", {}), ("Resolve", {}), ("Lock", {"request": {}})]
    follower, seen = follow(Cloud(Execution("a", states, at_once=False)))
    assert follower.wait_for_end().states == ("Start", "Resolve", "Lock")
    assert seen == ["state Start []", "state Resolve []", "state Lock ['request']"]


def test_an_execution_that_aws_does_not_show_yet_is_followed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    cloud = Cloud(Execution("a", []))
    cloud.shown_late = 2
    follower, seen = follow(cloud)
    follower.start(MACHINE, {})
    assert follower.wait_for_end().status == "SUCCEEDED"
    assert seen == ["state Resolve []"]


def test_the_log_of_a_job_that_gave_way_is_shown_before_that_of_the_next() -> None:
    cloud = Cloud(Execution("a", [("Wait", FIRST), ("Wait", SECOND), ("Succeeded", SECOND)], at_once=False))
    cloud.log = {"first/algo-1": ["one", "two"], "second/algo-1": ["three\n"]}
    follower, seen = follow(cloud)
    end = follower.wait_for_end()
    assert [line for line in seen if line.startswith("log")] == ["log one", "log two", "log three"]
    assert end.job is not None
    assert end.job.name == "second"


def test_who_comes_late_is_shown_the_last_lines_only() -> None:
    cloud = Cloud(Execution("a", [("Wait", FIRST)]))
    cloud.log = {"first/algo-1": [str(number) for number in range(1000)]}
    follower, seen = follow(cloud)
    follower.wait_for_end()
    assert [line for line in seen if line.startswith("log")] == [f"log {n}" for n in range(1000 - EARLIER_LINES, 1000)]


def test_a_run_without_a_job_has_none() -> None:
    follower, _ = follow(Cloud(Execution("a", [("Resolve", {})], status="FAILED", error="RequestInvalid")))
    assert follower.wait_for_job() is None
    end = follower.wait_for_end()
    assert (end.status, end.error, end.job) == ("FAILED", "RequestInvalid", None)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_input_of_an_execution_is_no_state(attack: str) -> None:
    run = Execution("run", [("Resolve", {})])
    (entered, _) = run.events()
    entered["stateEnteredEventDetails"]["input"] = ATTACKS[attack].decode(errors="replace")
    cloud = Cloud(run)
    run.events = lambda: [entered]  # type: ignore[method-assign]
    state = newest_state(cloud.client("stepfunctions"), run.arn)
    assert state is not None
    assert state.state_input == {} or attack == "not UTF-8"


def test_a_look_at_a_long_run_reads_the_end_of_its_history_only() -> None:
    cloud = Cloud(Execution("a", [("Wait", {"number": number}) for number in range(500)]))
    newest = newest_state(cast(Any, cloud), cloud.executions[0].arn)
    assert newest is not None
    assert newest.state_input == {"number": 499}
    assert states_after(cast(Any, cloud), cloud.executions[0].arn, newest.event_id) == []
    assert cloud.pages_read == 2


@pytest.mark.parametrize("text", ["[1, 2]", "not JSON", '"text"'])
def test_an_input_that_is_no_object_carries_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(Execution("a", [("Start", {})]))
    event = {"id": 1, "stateEnteredEventDetails": {"name": "Start", "input": text}}
    monkeypatch.setattr(Execution, "events", lambda _: [event])
    state = newest_state(cast(Any, cloud), cloud.executions[0].arn)
    assert state is not None
    assert state.state_input == {}
