"""Ends that run no further state, redrives, and what Step Functions tells late, twice or never."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ReadTimeoutError
from pipeline.job import history_budget

from tests.stacks.second_engine.account import Call
from tests.stacks.second_engine.api_error import ApiError
from tests.stacks.second_engine.deployment import Deployment
from tests.stacks.second_engine.executions_in_memory import Execution
from tests.stacks.second_engine.job_courses import GOOD, NEVER_STARTED, STALLED
from tests.stacks.second_engine.test_network import worst_seconds
from tests.stacks.second_engine.test_paths import assert_left_in_order

BACK_IN_MINUTES = 30
"""Two sweeps, of which the first may come too early after an end."""


def abort_in(deployment: Deployment, function: str, *, invocation: int = 1) -> Execution:
    """Run, and abort it just before that invocation of a function begins its work."""
    before = deployment.functions.before[function]
    before += [lambda: None] * (invocation - 1)
    before.append(lambda: deployment.abort(deployment.running))
    return deployment.run()


@pytest.mark.parametrize("function", ["resolve", "lock", "validate", "quote", "launch", "watch", "judge", "finalise"])
def test_an_abort_leaves_nothing_and_a_redrive_goes_on(deployment: Deployment, function: str) -> None:
    run = abort_in(deployment, function)
    deployment.pass_time(BACK_IN_MINUTES)
    assert run.now.status == "ABORTED"
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages == ["floorplan-dino failed (Aborted): run-1"]
    deployment.redrive(run)
    assert (run.now.status, run.output["decision"]) == ("SUCCEEDED", "registered")
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages[1:] == ["floorplan-dino succeeded (registered): run-1"]


@pytest.mark.parametrize("delivery", ["lost", "late", "twice", "stale"])
@pytest.mark.parametrize("function", ["launch", "watch"])
def test_an_end_is_attended_to_once_however_its_event_comes(
    deployment: Deployment, delivery: str, function: str
) -> None:
    deployment.delivers_events = False
    run = abort_in(deployment, function, invocation=2 if function == "watch" else 1)
    (event,) = deployment.events
    deployment.account.executions.stale_for = 30 if delivery == "stale" else 0
    for _ in range({"lost": 0, "late": 0, "stale": 1, "twice": 2}[delivery]):
        deployment.deliver(event)
    deployment.pass_time(BACK_IN_MINUTES)
    if delivery == "late":
        deployment.deliver(event)
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages == ["floorplan-dino failed (Aborted): run-1"]
    assert deployment.dead_letters == []


def test_an_event_that_comes_after_the_redrive_stops_nothing(deployment: Deployment) -> None:
    deployment.delivers_events = False
    run = abort_in(deployment, "watch", invocation=2)
    (event,) = deployment.events
    deployment.functions.before["watch"].append(lambda: deployment.deliver(event))
    deployment.redrive(run)
    assert run.now.status == "SUCCEEDED"
    assert len(deployment.account.sagemaker.jobs) == 1


def test_a_redriven_launch_keeps_its_job_although_the_abort_is_still_shown(deployment: Deployment) -> None:
    run = abort_in(deployment, "launch")
    jobs = deployment.account.sagemaker.jobs
    assert [job.stopped is not None for job in jobs.values()] == [True], "Launch stopped it again"
    deployment.account.clock.advance(3600)
    deployment.account.executions.stale_for = 20
    deployment.redrive(run)
    assert run.now.status == "SUCCEEDED"
    assert [job.stopped is not None for job in jobs.values()] == [True, False]


def test_a_job_that_a_stale_answer_lets_run_is_swept(deployment: Deployment) -> None:
    """Aborted while Launch runs, whose look at the execution still says RUNNING; the event is lost."""
    deployment.delivers_events = False
    deployment.account.executions.stale_for = 30
    deployment.functions.before["quote"].append(lambda: deployment.account.clock.advance(600))
    run = abort_in(deployment, "launch")
    assert deployment.account.sagemaker.running()
    deployment.pass_time(BACK_IN_MINUTES)
    assert_left_in_order(deployment, own=run.arn)
    assert len(deployment.messages) == 1


def test_what_runs_is_not_swept(deployment: Deployment) -> None:
    deployment.functions.before["watch"] += [lambda: None, lambda: deployment.pass_time(16)]
    run = deployment.run()
    assert run.now.status == "SUCCEEDED"
    assert len(deployment.messages) == len(deployment.account.sagemaker.jobs) == 1


@pytest.mark.parametrize("function", ["launch", "watch"])
def test_a_redriven_run_is_not_swept_while_its_earlier_end_is_still_shown(
    deployment: Deployment, function: str
) -> None:
    run = abort_in(deployment, function)
    deployment.pass_time(BACK_IN_MINUTES)
    executions = deployment.account.executions

    def sweep() -> None:
        executions.stale_for = 600
        assert executions.describe_execution(executionArn=run.arn)["status"] == "ABORTED"
        deployment.call_on_schedule()
        executions.stale_for = 0

    if function == "watch":  # which first sees that the job was stopped
        deployment.functions.before["watch"].append(lambda: None)
    deployment.functions.before["watch"].append(sweep)
    deployment.redrive(run)
    assert run.now.status == "SUCCEEDED"
    jobs = deployment.account.sagemaker.jobs.values()
    assert [job.stopped is not None for job in jobs] == [True, False], "the redriven run's job was stopped"
    assert deployment.messages == [
        "floorplan-dino failed (Aborted): run-1",
        "floorplan-dino succeeded (registered): run-1",
    ]


def test_jobs_and_locks_of_other_stacks_are_not_swept(deployment: Deployment) -> None:
    run = deployment.run()
    ((name, job),) = deployment.account.sagemaker.jobs.items()
    other = run.arn.replace("FloorplanDino", "Other")
    tags = [{"Key": "floorplan-dino:execution", "Value": other}]
    deployment.account.sagemaker.courses = [STALLED]
    deployment.account.sagemaker.create_training_job(
        **job.request | {"TrainingJobName": f"{name}-of-another", "Tags": tags}
    )
    deployment.account.s3.put("locks/dino-data.json", f'{{"execution": "{other}"}}'.encode())
    deployment.pass_time(BACK_IN_MINUTES)
    assert deployment.account.sagemaker.running() == [f"{name}-of-another"]
    assert deployment.locks() == ["locks/dino-data.json"]
    assert len(deployment.messages) == 1


@pytest.mark.parametrize("lost", [False, True], ids=["told", "not told"])
def test_a_finalise_that_fails_for_good_is_made_up_for(deployment: Deployment, *, lost: bool) -> None:
    deployment.delivers_events = not lost
    deployment.account.sagemaker.courses = [GOOD]
    deployment.functions.faults |= {"watch": ["", "before:KeyError"], "finalise": ["before:KeyError"]}
    run = deployment.run()
    assert (run.now.status, run.now.error, run.states[-1]) == ("FAILED", "KeyError", "Finalise")
    deployment.pass_time(BACK_IN_MINUTES)
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages == ["floorplan-dino failed (KeyError): run-1"]


def test_a_finalise_that_failed_for_good_is_run_again_by_a_redrive(deployment: Deployment) -> None:
    deployment.account.sagemaker.courses = [GOOD]
    deployment.functions.faults["finalise"] = ["before:KeyError"]
    run = deployment.run()
    assert (run.now.status, run.now.error, run.states[-1]) == ("FAILED", "KeyError", "Finalise")
    assert deployment.messages == ["floorplan-dino failed (KeyError): run-1"]
    deployment.redrive(run)
    assert (run.now.status, run.output["decision"]) == ("SUCCEEDED", "registered")
    assert (run.states.count("Finalise"), run.states.count("Launch")) == (2, 1)
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages[1:] == ["floorplan-dino succeeded (registered): run-1"]


@pytest.mark.parametrize("attended", [False, True], ids=["its job runs", "its job was stopped"])
def test_a_redriven_finalise_of_a_failed_run_stops_no_job(deployment: Deployment, *, attended: bool) -> None:
    """Watch had a bug, and so had Finalise; both are corrected when the run is redriven."""
    deployment.delivers_events = attended
    deployment.functions.faults |= {"watch": ["", "before:KeyError"], "finalise": ["before:KeyError"]}
    run = deployment.run()
    deployment.account.clock.advance(1)
    deployment.redrive(run)
    assert (run.now.status, run.output["decision"]) == ("SUCCEEDED", "registered")
    jobs = deployment.account.sagemaker.jobs.values()
    assert [job.stopped is not None for job in jobs] == ([True, False] if attended else [False])
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages[attended:] == ["floorplan-dino succeeded (registered): run-1"]


def test_a_run_that_fails_again_after_its_finalise_was_redriven_leaves_nothing(deployment: Deployment) -> None:
    deployment.delivers_events = False
    deployment.functions.faults |= {"watch": ["", "before:KeyError"], "finalise": ["before:KeyError"]}
    run = deployment.run()
    deployment.account.clock.advance(1)
    deployment.functions.faults["watch"] = ["before:ValueError"]
    deployment.redrive(run)
    assert (run.now.status, run.now.error, run.states[-1]) == ("FAILED", "ValueError", "Failed")
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages == ["floorplan-dino failed (ValueError): run-1"]


@pytest.mark.parametrize(
    ("function", "answer", "error"),
    [
        ("validate", {"status": "valid", "text": "x" * 300_000}, "States.DataLimitExceeded"),
        ("watch", {}, "States.Runtime"),
    ],
)
def test_what_no_catch_catches_leaves_nothing_either(
    deployment: Deployment, function: str, answer: object, error: str
) -> None:
    deployment.functions.answers[function] = answer
    run = deployment.run()
    assert (run.now.status, run.now.error) == ("FAILED", error)
    assert_left_in_order(deployment, own=run.arn)
    assert deployment.messages == [f"floorplan-dino failed ({error}): run-1"]


def test_a_failed_run_whose_message_is_out_is_not_told_of_again(deployment: Deployment) -> None:
    deployment.account.sagemaker.courses = [STALLED]
    run = deployment.run()
    deployment.pass_time(BACK_IN_MINUTES)
    assert run.now.status == "FAILED"
    assert deployment.functions.invocations.count("clean_up") == 1
    assert deployment.messages == ["floorplan-dino failed (TrainingStalled): run-1"]


def hang(deployment: Deployment, service: str, minutes: int) -> Callable[[Call], None]:
    """The service says nothing for so long; each call waits as long as its client does."""
    clock = deployment.account.clock
    until = clock.now().timestamp() + 60 * minutes

    def fail(call: Call) -> None:
        if call.service == service and clock.now().timestamp() < until:
            clock.advance(worst_seconds(call.config))
            raise ReadTimeoutError(endpoint_url=f"https://{service}")

    return fail


@pytest.mark.parametrize("service", ["sagemaker", "s3", "logs", "cloudwatch"])
def test_a_silent_service_ends_no_training(deployment: Deployment, service: str) -> None:
    account = deployment.account
    deployment.functions.before["watch"] += [
        lambda: None,
        lambda: account.before.append(hang(deployment, service, minutes=25)),
    ]
    run = deployment.run()
    assert run.now.status == "SUCCEEDED"
    assert len(account.sagemaker.jobs) == 1
    assert "Sandbox.Timedout" not in str(run)


@pytest.mark.parametrize("service", ["sagemaker", "s3", "sns"])
def test_a_silent_service_at_the_end_keeps_no_lock(deployment: Deployment, service: str) -> None:
    account = deployment.account
    account.sagemaker.courses = [STALLED]
    deployment.functions.before["finalise"].append(lambda: account.before.append(hang(deployment, service, minutes=25)))
    run = deployment.run()
    assert (run.now.status, run.now.error) == ("FAILED", "TrainingStalled")
    assert_left_in_order(deployment, own=run.arn)
    assert len(deployment.messages) == 1


def test_redrives_never_fill_the_history(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a 25th of the events: each job has half of what is left, until a clean end says that it is too little."""
    deployment.most_events = 1000
    monkeypatch.setattr(history_budget, "MOST_EVENTS", 1000)
    monkeypatch.setattr(history_budget, "_RESERVE", 250)
    monkeypatch.setattr(history_budget, "_LEAST_SNAPSHOTS", 3)
    deployment.functions.variables["WATCH_INTERVAL_SECONDS"] = "5"
    deployment.account.sagemaker.courses = [NEVER_STARTED]
    run = deployment.run({"preset": "full"})
    for _ in range(3):
        assert run.now.error == "TrainingTimedOut"
        deployment.account.clock.advance(3600)
        deployment.redrive(run)
    assert run.now.error == "LaunchFailed"
    assert "Start a new execution" in str(run.now.cause)
    assert run.events < 1000
    assert_left_in_order(deployment, own=run.arn)


def test_a_lock_that_cannot_be_read_keeps_no_job_running(deployment: Deployment) -> None:
    """As one that was written under a key that is gone."""
    deployment.delivers_events = False
    run = abort_in(deployment, "watch", invocation=2)

    def refuse(call: Call) -> None:
        if call.operation == "GetObject" and call.parameters["Key"].startswith("locks/"):
            raise ApiError("KMS.DisabledException", "The key is disabled.")

    deployment.account.before.append(refuse)
    deployment.pass_time(BACK_IN_MINUTES)
    assert deployment.account.sagemaker.running() == []
    assert deployment.messages == [f"floorplan-dino failed (Aborted): {run.name}"]


def test_an_end_that_cannot_be_filed_is_not_told_by_each_sweep(deployment: Deployment) -> None:
    """The key is disabled: what tells that a message is out cannot be written. Finalise and CleanUp have told it."""
    deployment.account.refuse("PutObject", "KMS.DisabledException", "The key is disabled.", times=1000)
    run = deployment.run()
    assert run.now.error == "KeyRefused"
    deployment.pass_time(24 * 60)
    assert len(deployment.messages) == 2


def test_an_end_that_cannot_be_attended_to_keeps_no_other_waiting(deployment: Deployment) -> None:
    deployment.delivers_events = False
    abort_in(deployment, "resolve")
    deployment.account.clock.advance(1)
    deployment.functions.before["resolve"].append(lambda: deployment.abort(deployment.running))
    deployment.run(name="run-2")

    def refuse(call: Call) -> None:
        if call.operation == "Publish" and "run-2" in call.parameters["Subject"]:
            raise ApiError("InvalidParameter", "Message too long")

    deployment.account.before.append(refuse)
    deployment.pass_time(BACK_IN_MINUTES)
    assert deployment.messages == ["floorplan-dino failed (Aborted): run-1"]
