"""On demand one job names several types, and SageMaker's choice among them is what is told, paid and gone on from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180), pytest.mark.usefixtures("dataset_version")]

FIRST, SECOND = "ml.g6e.2xlarge", "ml.g6.2xlarge"
LIMIT = "The account-level service limit is 1 Instances, with current utilization of 1 Instances."


def described(deployed: Deployed, job: str) -> dict[str, Any]:
    return dict(deployed.session.client("sagemaker").describe_training_job(TrainingJobName=job))


def test_the_job_gets_the_first_type_that_there_is_and_says_what_it_is_made_of(
    deployed: Deployed, put_plan: Callable[[JobPlan], None], dataset_version: str
) -> None:
    put_plan(JobPlan())
    deployed.aws.faults.no_capacity(FIRST, spot=False)
    execution = deployed.run(epochs=1, spot=False, instance_types=[FIRST, SECOND])
    assert execution.status == "SUCCEEDED", execution.cause
    (name,) = deployed.jobs_of(execution)
    job = described(deployed, name)
    preferences = [preference["InstanceType"] for preference in job["ResourceConfig"]["InstancePreferences"]]
    assert (preferences, job["ResourceConfig"]["SelectedInstanceType"]) == ([FIRST, SECOND], SECOND)
    assert job["EnableNetworkIsolation"] is True
    assert not job["EnableManagedSpotTraining"]
    assert job["CheckpointConfig"]["S3Uri"].startswith(f"s3://{deployed.bucket}/checkpoints/")
    listed = deployed.session.client("sagemaker").list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    tags = {tag["Key"].removeprefix("floorplan-dino:"): tag["Value"] for tag in listed}
    assert tags["dataset-version"] == dataset_version
    assert tags["image"] == job["AlgorithmSpecification"]["TrainingImage"]
    (code,) = [each for each in job["InputDataConfig"] if each["ChannelName"] == "code"]
    assert code["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://{deployed.bucket}/{tags['code-version']}"
    message = deployed.message_of(execution)["Message"]
    assert f"({SECOND}, Completed, Completed)" in message
    outcome = json.loads(
        deployed.session.client("stepfunctions").describe_execution(executionArn=execution.arn)["output"]
    )
    assert outcome["cost_usd"] == pytest.approx(job["BillableTimeInSeconds"] / 3600 * 1.222, abs=0.006)


def test_a_shared_job_that_is_refused_for_a_quota_gives_way_to_its_types_by_themselves(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    put_plan(JobPlan())
    deployed.aws.faults.refuse("CreateTrainingJob", "ResourceLimitExceeded", LIMIT, 2)
    unused = ["ml.g5.xlarge", "ml.g6.xlarge"]  # on which no other test's job has just ended
    execution = deployed.run(epochs=1, spot=False, instance_types=unused)
    assert execution.status == "SUCCEEDED", execution.cause
    (name,) = deployed.jobs_of(execution)
    assert described(deployed, name)["ResourceConfig"]["InstanceType"] == unused[1]
    deployed.message_of(execution)


def test_without_capacity_of_any_the_run_ends_after_one_job(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    put_plan(JobPlan())
    for name in (FIRST, SECOND):
        deployed.aws.faults.no_capacity(name, spot=False)
    execution = deployed.run(epochs=1, spot=False, instance_types=[FIRST, SECOND])
    assert (execution.status, execution.error) == ("FAILED", "LaunchFailed")
    assert execution.states.count("Launch") == 1, "each type by itself would wait for what the shared job waited for"
    deployed.message_of(execution)


def test_after_an_abort_a_redrive_goes_on_with_another_job_of_the_same_choice(
    deployed: Deployed, put_plan: Callable[[JobPlan], None]
) -> None:
    put_plan(JobPlan(steps=1_000_000))
    follower = deployed.start(epochs=1, spot=False, instance_types=[FIRST, SECOND])
    first = follower.wait_for_job()
    assert first is not None
    wait_until(lambda: deployed.checkpoints(first) != [])
    (arn,) = deployed.executions_at_work()
    deployed.session.client("stepfunctions").stop_execution(executionArn=arn)
    assert follower.wait_for_end().status == "ABORTED"
    wait_until(lambda: not deployed.jobs_at_work())
    put_plan(JobPlan())
    redriven = deployed.redrive(arn).wait_for_end()
    assert redriven.status == "SUCCEEDED", redriven.cause
    assert deployed.jobs_of(redriven) == [first, f"{first}-1"]
    jobs = [described(deployed, name) for name in (first, f"{first}-1")]
    assert [len(job["ResourceConfig"]["InstancePreferences"]) for job in jobs] == [2, 2]
    assert jobs[0]["CheckpointConfig"] == jobs[1]["CheckpointConfig"]
    assert len(deployed.messages_about(arn)) == 2
