"""What AWS, the account or a second start does to a run before its job trains, and what the run makes of it."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.deployed import Deployed, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180), pytest.mark.usefixtures("dataset_version")]


def test_a_run_over_its_cap_is_refused_with_the_numbers_and_a_suggestion(deployed: Deployed) -> None:
    execution = deployed.run(epochs=1000, max_cost_usd=0.02)
    said = ("1.515 USD/h", "over max_cost_usd, which is 0.02 USD", '"max_cost_usd": ')
    deployed.assert_failed(execution, "QuoteRefused", *said)
    assert execution.job is None


def test_a_quota_of_zero_is_named(deployed: Deployed) -> None:
    deployed.aws.service_quotas.set("ml.g5.2xlarge", 0, spot=True)
    execution = deployed.run(epochs=1)
    said = ('"ml.g5.2xlarge for spot training job usage" is 0 in us-east-1', '"spot": false')
    deployed.assert_failed(execution, "QuoteRefused", *said)
    assert execution.job is None


def test_after_a_raised_quota_the_same_execution_is_redriven_to_its_end(deployed: Deployed) -> None:
    deployed.aws.service_quotas.set("ml.g5.2xlarge", 0, spot=True)
    refused = deployed.run(epochs=1)
    assert refused.error == "QuoteRefused"
    deployed.aws.service_quotas.reset()
    execution = deployed.redrive(refused.arn).wait_for_end()
    assert execution.arn == refused.arn
    assert execution.status == "SUCCEEDED", execution.cause
    assert execution.job is not None
    assert deployed.jobs_of(execution) == [execution.job.name]
    failed, succeeded = deployed.messages_about(execution.arn)
    assert "QuoteRefused" in json.dumps(failed)
    assert execution.job.model_artifact in json.dumps(succeeded)


def test_without_capacity_the_next_instance_type_is_taken(deployed: Deployed) -> None:
    deployed.aws.faults.no_capacity("ml.g5.xlarge", spot=True)
    execution = deployed.run(epochs=1, instance_types=["ml.g5.xlarge", "ml.g6.xlarge"])
    assert execution.status == "SUCCEEDED", execution.cause
    assert "NextChoice" in execution.states
    assert execution.job is not None
    assert execution.job.instance_type == "ml.g6.xlarge"
    first, second = deployed.jobs_of(execution)
    assert second == execution.job.name
    sagemaker = deployed.session.client("sagemaker")
    assert "CapacityError" in sagemaker.describe_training_job(TrainingJobName=first)["FailureReason"]
    assert "ml.g6.xlarge" in json.dumps(deployed.message_of(execution))


def test_without_any_capacity_the_run_says_so(deployed: Deployed) -> None:
    deployed.aws.faults.no_capacity("ml.g5.2xlarge", spot=True)
    execution = deployed.run(epochs=1)
    deployed.assert_failed(execution, "LaunchFailed", "found no capacity of ml.g5.2xlarge")


def test_a_launch_that_is_throttled_is_tried_again(deployed: Deployed) -> None:
    deployed.aws.faults.throttle("CreateTrainingJob", 7)  # one Launch tries six times by itself
    execution = deployed.run(epochs=1)
    assert execution.status == "SUCCEEDED", execution.cause
    assert execution.job is not None
    assert deployed.jobs_of(execution) == [execution.job.name]
    assert execution.job.model_artifact in json.dumps(deployed.message_of(execution))


def test_each_step_may_die_before_and_after_its_work_and_is_repeated_without_a_second_job(deployed: Deployed) -> None:
    for step in ("resolve", "lock", "validate", "quote", "launch", "watch", "judge"):
        for work_done in (False, True):
            deployed.aws.faults.crash(deployed.function(step), work_done=work_done)
    deployed.aws.faults.crash(deployed.function("finalise"), work_done=False)
    execution = deployed.run(epochs=1)
    assert execution.status == "SUCCEEDED", execution.cause
    assert execution.job is not None
    assert deployed.jobs_of(execution) == [execution.job.name]
    assert execution.job.model_artifact in json.dumps(deployed.message_of(execution))


def test_two_starts_at_once_start_one_job(deployed: Deployed) -> None:
    deployed.aws.faults.pending("ml.g5.2xlarge", spot=True)  # so that the first is at work as long as the test wants
    followers = [deployed.start(epochs=1), deployed.start(epochs=1)]
    wait_until(lambda: len(deployed.executions_at_work()) == 1 and deployed.jobs_at_work() != [])
    (name,) = deployed.jobs_at_work()
    deployed.session.client("sagemaker").stop_training_job(TrainingJobName=name)
    loser, winner = sorted((follower.wait_for_end() for follower in followers), key=lambda each: each.error)
    deployed.assert_failed(loser, "AlreadyRunning", winner.arn.rsplit(":", 1)[-1])
    assert loser.job is None
    deployed.assert_failed(winner, "TrainingStopped", name)
    assert winner.job is not None
    assert winner.job.name == name
