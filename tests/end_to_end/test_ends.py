"""What an end does is done once, whoever dies or starts again on the way: one message, no lock, no job."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180), pytest.mark.usefixtures("dataset_version")]


def test_finalise_may_die_after_its_work_and_sends_no_second_message(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    put_plan(JobPlan())
    deployed.aws.faults.crash(deployed.function("finalise"), work_done=True, times=2)
    execution = deployed.run(epochs=1)
    assert execution.status == "SUCCEEDED", execution.cause
    message = deployed.message_of(execution)
    (key,) = [key for key in deployed.keys(f"reports/{execution.arn.rsplit(':', 1)[-1]}/") if "/message-" in key]
    assert json.loads(deployed.object(key))["message"] == message["Message"]


def test_finalise_may_die_before_its_work_more_often_than_other_steps(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    put_plan(JobPlan())
    deployed.aws.faults.crash(deployed.function("finalise"), work_done=False, times=4)
    execution = deployed.run(epochs=1)
    assert execution.status == "SUCCEEDED", execution.cause
    assert execution.states.count("Finalise") == 1
    deployed.message_of(execution)


def test_an_aborted_execution_gives_its_data_set_back_and_takes_it_again_when_redriven(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    put_plan(JobPlan(steps=1_000_000))
    follower = deployed.start(epochs=1)
    name = follower.wait_for_job()
    assert name is not None
    wait_until(lambda: deployed.checkpoints(name) != [])
    (arn,) = deployed.executions_at_work()
    deployed.session.client("stepfunctions").stop_execution(executionArn=arn)
    assert follower.wait_for_end().status == "ABORTED"
    wait_until(lambda: deployed.messages_about(arn) != [])
    assert deployed.locks() == []
    wait_until(lambda: not deployed.jobs_at_work())
    put_plan(JobPlan())
    redriven = deployed.redrive(arn).wait_for_end()
    assert redriven.status == "SUCCEEDED", redriven.cause
    assert len(deployed.jobs_of(redriven)) == 2
    aborted, succeeded = deployed.messages_about(arn)
    assert "Somebody stopped the execution" in aborted["Message"]
    assert "succeeded" in succeeded["Subject"]


def test_an_aborted_execution_that_is_redriven_keeps_off_a_data_set_that_another_has_taken(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    put_plan(JobPlan(steps=1_000_000))
    first = deployed.start(epochs=1)
    assert first.wait_for_job() is not None
    (arn,) = deployed.executions_at_work()
    deployed.session.client("stepfunctions").stop_execution(executionArn=arn)
    assert first.wait_for_end().status == "ABORTED"
    wait_until(lambda: deployed.messages_about(arn) != [] and not deployed.jobs_at_work())
    second = deployed.start(epochs=1)
    name = second.wait_for_job()
    assert name is not None
    redriven = deployed.redrive(arn).wait_for_end()
    assert (redriven.status, redriven.error) == ("FAILED", "AlreadyRunning"), redriven.cause
    assert deployed.jobs_at_work() == [name]
    deployed.session.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert second.wait_for_end().error == "TrainingStopped"
