"""A walk over the state machine's graph: every way through it ends, and ends in one message."""

from typing import Any

import pytest

State = dict[str, Any]


@pytest.fixture(scope="module")
def states(definition: dict[str, Any]) -> dict[str, State]:
    found: dict[str, State] = definition["States"]
    return found


def successors(state: State) -> set[str]:
    """The names of the states that may follow, after success or error."""
    found = {choice["Next"] for choice in state.get("Choices", [])} | {
        catch["Next"] for catch in state.get("Catch", [])
    }
    return found | {state[key] for key in ("Next", "Default") if key in state}


def reachable(states: dict[str, State], start: str, *, without: frozenset[str] = frozenset()) -> set[str]:
    """Every state that can be reached from `start` without passing through `without`."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in without:
            found.add(name)
            waiting += successors(states[name])
    return found


def test_no_state_leads_nowhere(states: dict[str, State]) -> None:
    for name, state in states.items():
        assert successors(state) <= set(states), name
        assert bool(successors(state)) != (state["Type"] in ("Succeed", "Fail")), name
        assert "End" not in state, name


def test_every_state_can_be_reached(definition: dict[str, Any], states: dict[str, State]) -> None:
    assert reachable(states, definition["StartAt"]) == set(states)


def test_from_every_state_an_end_can_be_reached(states: dict[str, State]) -> None:
    ends = {name for name, state in states.items() if state["Type"] in ("Succeed", "Fail")}
    assert ends == {"Succeeded", "Failed", "FinaliserFailed"}
    for name in states:
        assert reachable(states, name) & ends, name


def test_the_only_loop_is_wait_and_watch(states: dict[str, State]) -> None:
    looping = {name for name in states if any(name in reachable(states, after) for after in successors(states[name]))}
    assert looping == {"Wait", "Watch", "HasTrainingEnded"}


def test_every_task_retries_what_passes_and_catches_the_rest(states: dict[str, State]) -> None:
    tasks = {name: state for name, state in states.items() if state["Type"] == "Task"}
    assert set(tasks) == {"Resolve", "Validate", "Launch", "Watch", "Finalise"}
    for name, task in tasks.items():
        retried = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
        assert {"AwsUnavailable", "Lambda.TooManyRequestsException", "Lambda.ServiceException"} <= retried, name
        assert {"Lambda.Unknown", "Sandbox.Timedout", "States.Timeout"} <= retried, name
        assert "States.ALL" not in retried, "a refusal is not tried again"
        for retry in task["Retry"]:
            assert (retry["BackoffRate"], retry["JitterStrategy"]) == (2, "FULL"), name
        assert [catch["ErrorEquals"] for catch in task["Catch"]] == [["States.ALL"]], name
        assert task["TimeoutSeconds"] in (90, 930), name


def test_an_outage_of_minutes_does_not_end_hours_of_training(states: dict[str, State]) -> None:
    (retry,) = [retry for retry in states["Watch"]["Retry"] if "AwsUnavailable" in retry["ErrorEquals"]]
    pauses = [
        min(retry["IntervalSeconds"] * 2**count, retry["MaxDelaySeconds"]) for count in range(retry["MaxAttempts"])
    ]
    assert sum(pauses) / 2 > 3600  # jitter draws half of each on average


def test_nothing_ends_without_finalise(definition: dict[str, Any], states: dict[str, State]) -> None:
    before = reachable(states, definition["StartAt"], without=frozenset({"Finalise"}))
    assert not {name for name in before if states[name]["Type"] in ("Succeed", "Fail")}
    for name in before:
        for catch in states[name].get("Catch", []):
            assert (catch["Next"], catch["ResultPath"]) == ("Finalise", "$.failure")


def test_no_time_limit_that_would_end_it_without_finalise(definition: dict[str, Any]) -> None:
    assert "TimeoutSeconds" not in definition


def test_a_failed_run_ends_with_the_outcomes_error_and_cause(states: dict[str, State]) -> None:
    assert states["HasSucceeded"]["Default"] == "Failed"
    assert states["Failed"] == {"Type": "Fail", "ErrorPath": "$.outcome.error", "CausePath": "$.outcome.cause"}


def test_an_invalid_data_set_is_not_launched(states: dict[str, State]) -> None:
    (choice,) = states["IsDatasetValid"]["Choices"]
    assert (choice["Variable"], choice["StringEquals"], choice["Next"]) == ("$.dataset.verdict", "valid", "Launch")
    assert states["DatasetRefused"]["Parameters"] == {"Error": "DatasetInvalid", "Cause.$": "$.dataset.cause"}


def test_every_task_gets_the_execution_as_it_is_now(states: dict[str, State]) -> None:
    """Not as it was at the start: a redriven step must see its own redrive count."""
    for name, state in states.items():
        if state["Type"] == "Task":
            assert state["Parameters"]["execution.$"] == "$$.Execution", name
