"""A quota of one instance, which SageMaker counts for minutes after a job's end; and types that share a job."""

from __future__ import annotations

import pytest
from botocore.exceptions import ParamValidationError

from tests.stacks.second_engine.account import Account, Call
from tests.stacks.second_engine.api_error import ApiError
from tests.stacks.second_engine.deployment import Deployment
from tests.stacks.second_engine.executions_in_memory import Execution
from tests.stacks.second_engine.job_courses import GOOD, NO_CAPACITY
from tests.stacks.second_engine.test_ends import BACK_IN_MINUTES, abort_in
from tests.stacks.second_engine.test_paths import BAD_END, GOOD_END, TRAINED, assert_left_in_order, folded

BOTH_STAGES = {"preset": "test_then_full"}
HELD = 15 * 60
"""Seconds for which an instance counts after its job's end."""
WAITED = "WaitForInstance Launch"
ON_DEMAND = {"instance_types": ["ml.g5.2xlarge", "ml.g6.2xlarge"], "max_cost_usd": 20, "spot": False}
SECOND_TRAINED = f"CostCounted snapshots FirstMinutesPassed snapshots Judge WhatFollows Registered {GOOD_END}"


@pytest.fixture
def one_instance(deployment: Deployment) -> Deployment:
    """An account with a quota of one, for each type."""
    deployment.account.sagemaker.quota = 1
    deployment.account.sagemaker.quota_held_seconds = HELD
    return deployment


def kinds(account: Account) -> list[list[str]]:
    """The types that each job could get."""
    resources = [job.request["ResourceConfig"] for job in account.sagemaker.jobs.values()]
    return [[each["InstanceType"] for each in one.get("InstancePreferences", [one])] for one in resources]


def waits(run: Execution) -> int:
    return run.states.count("WaitForInstance")


def test_the_second_stage_waits_for_the_instance_of_the_first(one_instance: Deployment) -> None:
    run = one_instance.run(BOTH_STAGES)
    assert (run.now.status, run.now.cause) == ("SUCCEEDED", None)
    assert HELD // 60 - 5 <= waits(run) <= HELD // 60, "Watch sees the end up to five minutes later"
    between = " ".join([WAITED] * waits(run))
    assert folded(run.states) == f"{TRAINED} NextStage Launch {between} {SECOND_TRAINED}".split()
    assert kinds(one_instance.account) == [["ml.g5.2xlarge"]] * 2
    assert one_instance.messages == ["floorplan-dino succeeded (registered): run-1"]


def test_two_instances_wait_for_the_two_of_the_first_stage(one_instance: Deployment) -> None:
    one_instance.account.sagemaker.quota = 3
    run = one_instance.run(BOTH_STAGES | {"instance_count": 2, "max_cost_usd": 150})
    assert (run.now.status, run.now.cause) == ("SUCCEEDED", None)
    assert waits(run) > 0
    resources = [job.request["ResourceConfig"] for job in one_instance.account.sagemaker.jobs.values()]
    assert [each["InstanceCount"] for each in resources] == [2, 2]


def test_the_wait_is_for_the_first_type_although_there_is_another(one_instance: Deployment) -> None:
    """The order is the request's, and the quote is of the first: waiting costs nothing."""
    run = one_instance.run(BOTH_STAGES | {"instance_types": ["ml.g5.2xlarge", "ml.g6e.2xlarge"]})
    assert run.now.status == "SUCCEEDED"
    assert kinds(one_instance.account) == [["ml.g5.2xlarge"]] * 2


@pytest.mark.parametrize("types", [["ml.g5.2xlarge"], ["ml.g5.2xlarge", "ml.g6.2xlarge"]])
def test_after_twenty_minutes_it_is_a_quota_like_any_other(one_instance: Deployment, types: list[str]) -> None:
    one_instance.account.sagemaker.quota_held_seconds = 7200
    run = one_instance.run(BOTH_STAGES | {"instance_types": types})
    assert 15 <= waits(run) <= 20
    if len(types) == 1:
        assert (run.now.error, folded(run.states)[-5:]) == ("LaunchFailed", ["Launch", *BAD_END.split()])
        assert "Service Quotas console" in str(run.now.cause)
    else:
        assert run.now.status == "SUCCEEDED"
        assert kinds(one_instance.account)[-1:] == [["ml.g6.2xlarge"]]
    assert_left_in_order(one_instance, own=run.arn)
    assert len(one_instance.messages) == 1


def test_a_quota_that_nobody_is_about_to_release_is_not_waited_for(one_instance: Deployment) -> None:
    one_instance.run()
    one_instance.account.clock.advance(1800)
    one_instance.account.sagemaker.quota = 0
    run = one_instance.run(name="run-2")
    assert (run.now.error, waits(run)) == ("LaunchFailed", 0)


def test_an_abort_during_the_wait_leaves_nothing_and_a_redrive_goes_on(one_instance: Deployment) -> None:
    before = one_instance.functions.before["launch"]
    before += [lambda: None, lambda: None, lambda: None, lambda: one_instance.abort(one_instance.running)]
    run = one_instance.run(BOTH_STAGES)
    assert (run.now.status, waits(run)) == ("ABORTED", 2)
    one_instance.pass_time(BACK_IN_MINUTES)
    assert_left_in_order(one_instance, own=run.arn)
    one_instance.redrive(run)
    assert (run.now.status, len(one_instance.account.sagemaker.jobs)) == ("SUCCEEDED", 2)
    assert one_instance.messages == [
        "floorplan-dino failed (Aborted): run-1",
        "floorplan-dino succeeded (registered): run-1",
    ]


def test_a_run_waits_for_the_instance_of_the_one_that_was_stopped_before(one_instance: Deployment) -> None:
    abort_in(one_instance, "watch", invocation=3)
    run = one_instance.run(name="run-2")
    assert run.now.status == "SUCCEEDED", run.now.cause
    assert waits(run) > 0


def test_a_redrive_waits_for_the_end_of_the_job_that_finalise_has_stopped(deployment: Deployment) -> None:
    """Both would write to the same checkpoints, whatever the quota is."""
    deployment.functions.faults["watch"] = ["", "", "before:KeyError"]
    run = deployment.run()
    assert run.now.error == "KeyError"
    deployment.redrive(run)
    assert run.now.status == "SUCCEEDED"
    first, second = deployment.account.sagemaker.jobs.values()
    assert first.describe(second.created)["TrainingJobStatus"] == "Stopped"
    assert waits(run) == 1


def refuse_to_share(account: Account, *, by_sdk: bool) -> None:
    """Jobs that name several types are not accepted."""

    def look(call: Call) -> None:
        if "InstancePreferences" in call.parameters.get("ResourceConfig", {}):
            if by_sdk:
                raise ParamValidationError(report='Unknown parameter in ResourceConfig: "InstancePreferences"')
            raise ApiError("ValidationException", "InstancePreferences are not supported in this region.")

    account.before.append(look)


@pytest.mark.parametrize("by_sdk", [True, False], ids=["the function's SDK is older", "SageMaker refuses"])
def test_types_that_cannot_share_a_job_are_tried_in_order(deployment: Deployment, *, by_sdk: bool) -> None:
    refuse_to_share(deployment.account, by_sdk=by_sdk)
    deployment.account.sagemaker.courses = [NO_CAPACITY, GOOD]
    run = deployment.run(ON_DEMAND)
    assert run.now.status == "SUCCEEDED", run.now.cause
    assert kinds(deployment.account) == [["ml.g5.2xlarge"], ["ml.g6.2xlarge"]]


def test_what_both_refuse_is_told(deployment: Deployment) -> None:
    refuse_to_share(deployment.account, by_sdk=True)
    deployment.account.refuse("CreateTrainingJob", "ValidationException", "Could not assume the role.")
    run = deployment.run(ON_DEMAND)
    assert run.now.error == "LaunchFailed"
    for fact in ("ml.g5.2xlarge or ml.g6.2xlarge (on demand) (ParamValidationError)", "Could not assume the role."):
        assert fact in str(run.now.cause)


def test_only_types_with_a_quota_share_a_job(deployment: Deployment) -> None:
    deployment.account.quotas.values |= {"ml.g6.2xlarge for training job usage": 0.0}
    deployment.run(ON_DEMAND)
    assert kinds(deployment.account) == [["ml.g5.2xlarge"]]
