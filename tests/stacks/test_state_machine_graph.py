"""A walk over the state machine's graph: every way through it ends, and ends in one message."""

from typing import Any

import pytest
from pipeline.errors import LAMBDA_ERRORS
from pipeline.steps import check_images

from stacks.steps import CRASHES

State = dict[str, Any]

STEPS = {"Resolve", "Lock", "Validate", "MergeChecks", "Quote", "Launch", "Watch", "Stop", "Judge"}
"""Tasks whose failure is caught."""
LAST = {"Finalise", "Failed"}
"""Tasks whose failure ends the execution, so that a redrive runs them again; a Fail state would fail again."""


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
    assert {name for name, state in states.items() if state["Type"] in ("Succeed", "Fail")} == {"Succeeded"}
    for name in states:
        assert reachable(states, name) & {"Succeeded", "Failed"}, name


def test_a_run_that_is_not_redriven_loops_only_while_it_trains(states: dict[str, State]) -> None:
    """Over the check of the batches, a snapshot, a choice of the request, or the second stage; never without a step
    that counts: Watch relaunches while choices are left, Judge while stages are, or while max_cost_usd pays for more;
    Launch waits minutes after a job.
    """
    ended = frozenset({"Failed"})
    looping = {
        name
        for name in states
        if any(name in reachable(states, after, without=ended) for after in successors(states[name]))
    }
    validation = {"IsDatasetValid", "CheckBatches", "MergeChecks"}
    training = {"CostCounted", "Wait", "Watch", "WhatNext", "Stop", "FirstMinutesPassed", "FirstMinutesFailed"}
    launching = {"Launch", "WaitForInstance", "NextChoice", "Interrupted"}
    assert looping - {"Failed"} == validation | training | launching | {"Judge", "WhatFollows", "NextStage"}


def test_every_task_retries_what_passes_and_catches_the_rest(states: dict[str, State]) -> None:
    tasks = {name: state for name, state in states.items() if state["Type"] == "Task"}
    assert set(tasks) == STEPS | LAST
    tasks |= states["CheckBatches"]["ItemProcessor"]["States"]
    del tasks["BatchFailed"]
    for name, task in tasks.items():
        retried = {error: retry["MaxAttempts"] for retry in task["Retry"] for error in retry["ErrorEquals"]}
        assert retried["Lambda.TooManyRequestsException"] == 32, "an hour: the account's other functions are the cause"
        assert "Lambda.ServiceException" in retried, name
        if name == "Failed":
            assert set(retried) == LAMBDA_ERRORS | set(CRASHES), "no name of a run's own error but a death's"
        else:
            assert {"AwsUnavailable", "Lambda.Unknown", "Sandbox.Timedout", "States.Timeout"} <= set(retried), name
        assert "States.ALL" not in retried, "a refusal is not tried again"
        for retry in task["Retry"]:
            assert (retry["BackoffRate"], retry["JitterStrategy"]) == (2, "FULL"), name
        if name in LAST:
            assert "Catch" not in task, name
        else:
            waits = [["InstanceNotFree"]] if name == "Launch" else []
            assert [catch["ErrorEquals"] for catch in task["Catch"]] == [*waits, ["States.ALL"]], name
        assert task["TimeoutSeconds"] in (210, 330, 930), name


@pytest.mark.parametrize("name", ["Watch", "Stop", "Judge", "Finalise"])
def test_an_outage_of_minutes_does_not_end_hours_of_training(states: dict[str, State], name: str) -> None:
    (retry,) = states[name]["Retry"]
    assert {"AwsUnavailable", "Lambda.Unknown", "Sandbox.Timedout", "States.Timeout"} <= set(retry["ErrorEquals"])
    pauses = [
        min(retry["IntervalSeconds"] * 2**count, retry["MaxDelaySeconds"]) for count in range(retry["MaxAttempts"])
    ]
    assert sum(pauses) / 2 > 3600  # jitter draws half of each on average


def test_nothing_ends_without_finalise(definition: dict[str, Any], states: dict[str, State]) -> None:
    before = reachable(states, definition["StartAt"], without=frozenset({"Finalise"}))
    assert not {name for name in before if states[name]["Type"] in ("Succeed", "Fail")} | (before & {"Failed"})
    for name in before:
        for catch in states[name].get("Catch", []):
            if catch["ErrorEquals"] == ["InstanceNotFree"]:
                assert (catch["Next"], catch["ResultPath"]) == ("WaitForInstance", "$.waiting"), "no failure"
                continue
            assert (catch["Next"], catch["ResultPath"]) == ("RunFailed", "$.failure")


def test_launch_waits_for_an_instance_a_minute_at_a_time(states: dict[str, State]) -> None:
    wait = states["WaitForInstance"]
    assert (wait["Type"], wait["Seconds"], wait["Next"]) == ("Wait", 60, "Launch")


def test_no_time_limit_that_would_end_it_without_finalise(definition: dict[str, Any]) -> None:
    assert "TimeoutSeconds" not in definition


def test_a_failed_run_ends_in_a_task_that_a_redrive_runs_again(states: dict[str, State]) -> None:
    assert states["HasSucceeded"]["Default"] == "Failed"
    failed = states["Failed"]
    assert (failed["Type"], failed["Next"]) == ("Task", "Start")


def test_a_failed_run_keeps_when_it_failed(states: dict[str, State]) -> None:
    """By that, a redriven Finalise knows an end of before the redrive."""
    kept = states["RunFailed"]
    assert (kept["InputPath"], kept["ResultPath"], kept["Next"]) == ("$$.State.EnteredTime", "$.failed_at", "Finalise")
    for name in ("QuoteNotAccepted", "DatasetRefused", "CheckFailed", "TrainingNotCompleted"):
        assert states[name]["Next"] == "RunFailed"


def test_an_invalid_data_set_is_not_quoted(states: dict[str, State]) -> None:
    valid, in_batches, failed = states["IsDatasetValid"]["Choices"]
    assert (valid["Variable"], valid["StringEquals"], valid["Next"]) == ("$.dataset.status", "valid", "Quote")
    assert (in_batches["StringEquals"], in_batches["Next"]) == ("in_batches", "CheckBatches")
    assert (failed["StringEquals"], failed["Next"]) == ("failed", "CheckFailed")
    assert states["CheckFailed"]["Parameters"] == {"Error.$": "$.dataset.error", "Cause.$": "$.dataset.cause"}
    assert states["IsDatasetValid"]["Default"] == "DatasetRefused"
    assert states["DatasetRefused"]["Parameters"] == {"Error": "DatasetInvalid", "Cause.$": "$.dataset.cause"}


def test_a_quote_that_is_not_accepted_launches_nothing(states: dict[str, State]) -> None:
    (accepted,) = states["IsQuoteAccepted"]["Choices"]
    assert (accepted["Variable"], accepted["BooleanEquals"]) == ("$.quote.accepted", True)
    assert states["IsQuoteAccepted"]["Default"] == "QuoteNotAccepted"
    assert states["QuoteNotAccepted"]["Parameters"] == {"Error": "QuoteRefused", "Cause.$": "$.quote.cause"}


def test_the_decision_on_the_first_minutes_is_a_state_of_its_own(states: dict[str, State]) -> None:
    assert states["FirstMinutesPassed"]["Next"] == "Wait"
    assert states["FirstMinutesFailed"]["Next"] == "Stop"


def test_a_gate_that_is_not_met_does_not_fail_the_run(states: dict[str, State]) -> None:
    for name in ("Registered", "GateNotMet", "TestStageNotGoodEnough"):
        assert states[name]["Next"] == "Finalise"
        assert states[name]["Type"] == "Pass"
        assert "$.failure" not in str(states[name])


def test_every_task_gets_the_execution_as_it_is_now(states: dict[str, State]) -> None:
    """Not as it was at the start: a redriven step must see its own redrive count."""
    for name, state in states.items():
        if state["Type"] == "Task":
            assert state["Parameters"]["execution.$"] == "$$.Execution", name


def test_batches_of_images_are_checked_in_the_runs_name(states: dict[str, State]) -> None:
    """A batch runs in an execution of its own; the run's comes to it from the map."""
    batches = states["CheckBatches"]
    assert batches["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert batches["ItemsPath"] == "$.dataset.batches"
    selected = {"execution.$": "$$.Execution", "request.$": "$.request", "batch.$": "$$.Map.Item.Value"}
    assert batches["ItemSelector"] == selected
    check = batches["ItemProcessor"]["States"]["CheckImages"]
    handed_on = {f"{name}.$": f"$.{name}" for name in check_images.handler.parts}
    assert check["Parameters"] == handed_on
    assert set(handed_on) == set(selected)
    assert [catch["Next"] for catch in batches["Catch"]] == ["RunFailed"]


def test_batches_leave_functions_of_a_new_account_to_others(states: dict[str, State]) -> None:
    """0 would be without a limit. Such an account has 10 concurrent functions, and the rest of it needs some."""
    assert 1 <= states["CheckBatches"]["MaxConcurrency"] <= 5


def test_a_batch_that_fails_for_good_does_not_fail_the_map(states: dict[str, State]) -> None:
    """On AWS its error would not be in the map's."""
    batches = states["CheckBatches"]
    inner = batches["ItemProcessor"]["States"]
    (caught,) = inner["CheckImages"]["Catch"]
    assert (caught["ErrorEquals"], caught["ResultPath"]) == (["States.ALL"], "$.failure")
    failed = inner[caught["Next"]]
    assert (failed["Type"], failed["End"]) == ("Pass", True)
    assert failed["Parameters"]["failure"] == {"Error.$": "$.failure.Error", "Cause.$": "$.failure.Cause"}
    assert batches["ResultPath"] == states["MergeChecks"]["Parameters"]["checks.$"] == "$.checks"
