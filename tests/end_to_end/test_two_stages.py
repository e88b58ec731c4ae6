"""test_then_full: one execution, in which the test run's health and loss decide whether the full run starts.

The jobs run the stand-in: fifty epochs of DINO take hours on a GPU, and what is tested is what is made of two jobs.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180), pytest.mark.usefixtures("dataset_version")]


def test_a_good_test_run_is_followed_by_the_full_one_which_is_judged(
    deployed: Deployed, put_plan: Callable[[JobPlan], None], dataset_version: str
) -> None:
    """With a quota of one instance, which the first job holds for a while after its end."""
    put_plan(JobPlan(f1=0.95))
    deployed.aws.service_quotas.set("ml.g5.2xlarge", 1, spot=True)
    deployed.aws.faults.hold_quota(5)
    execution = deployed.run(preset="test_then_full")
    assert execution.status == "SUCCEEDED", execution.cause
    assert "WaitForInstance" in execution.states
    assert [name for name in execution.states if name in ("NextStage", "Registered")] == ["NextStage", "Registered"]
    test, full = deployed.jobs_of(execution)
    sagemaker = deployed.session.client("sagemaker")
    jobs = [sagemaker.describe_training_job(TrainingJobName=name) for name in (test, full)]
    both = {"recipe": "room_wall", "gate_classes": '["room"]', "dataset_version": dataset_version}
    assert [job["HyperParameters"] for job in jobs] == [
        {**both, "epochs": "5"},
        {**both, "epochs": "50", "patience": "8"},
    ]
    folders = [job["CheckpointConfig"]["S3Uri"].rstrip("/").rsplit("/", 1)[-1] for job in jobs]
    assert folders == ["0", "1"], "the full run starts from the beginning"
    limits = [job["StoppingCondition"]["MaxRuntimeInSeconds"] for job in jobs]
    assert (sum(limits) + 2 * 120) / 3600 * 1.515 <= 70, "both together keep within the cap"
    message = deployed.message_of(execution)["Message"]
    assert "in 2 jobs" in message
    assert f"Model: s3://{deployed.bucket}/training-jobs/{full}/output/model.tar.gz" in message
    run = execution.arn.rsplit(":", 1)[-1]
    assert {f"reports/{run}/metrics-0.json", f"reports/{run}/metrics-1.json"} <= set(deployed.keys(f"reports/{run}/"))


def test_a_test_run_whose_loss_does_not_fall_is_the_last(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    # So short that it is done before a look at its first minutes could stop it.
    put_plan(JobPlan(steps=45, loss_rises=True))
    execution = deployed.run(preset="test_then_full")
    assert len(deployed.jobs_of(execution)) == 1
    assert execution.states.count("Launch") == 1
    assert (execution.status, "TestStageNotGoodEnough" in execution.states) == ("SUCCEEDED", True), execution.cause
    message = deployed.message_of(execution)["Message"]
    assert "The next stage was not started: The loss did not fall" in message
    assert "Registered, pending approval" not in message


def test_a_test_run_that_fails_is_the_last(deployed: Deployed, put_plan: Callable[[JobPlan], None]) -> None:
    put_plan(JobPlan(fails_at=50, failure_code="OOM"))
    execution = deployed.run(preset="test_then_full")
    assert (execution.status, execution.error) == ("FAILED", "TrainingFailed")
    assert len(deployed.messages_about(execution.arn)) == 1
    assert execution.states.count("Launch") == 1
