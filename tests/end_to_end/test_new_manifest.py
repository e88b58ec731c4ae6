"""With start_on_new_manifest an upload starts a run by itself, and a second one meanwhile starts no second job."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.end_to_end.deployed import Deployed, wait_until
from tests.end_to_end.deployment import deployed_stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The stack with the rule, on which no job gets an instance."""
    scratch = tmp_path_factory.mktemp("starting")
    context = {"default_preset": "tiny", "start_on_new_manifest": "true"}
    with deployed_stack(scratch, context=context, wait_scale=0.02, stop_grace=15) as deployed:
        deployed.aws.faults.pending("ml.g5.2xlarge", spot=True)
        yield deployed


def status_of(deployed: Deployed, arn: str) -> str:
    return deployed.session.client("stepfunctions").describe_execution(executionArn=arn)["status"]


def failed_executions(deployed: Deployed) -> list[str]:
    listed = deployed.session.client("stepfunctions").list_executions(
        stateMachineArn=deployed.outputs["StateMachineArn"], statusFilter="FAILED"
    )
    return [execution["executionArn"] for execution in listed["executions"]]


def test_of_two_manifests_one_after_the_other_one_starts_a_job(starting: Deployed) -> None:
    starting.upload_plans("dino-data")
    wait_until(lambda: starting.jobs_at_work() != [])
    (first,) = starting.executions_at_work()
    described = starting.session.client("stepfunctions").describe_execution(executionArn=first)
    assert json.loads(described["input"]) == {"dataset_prefix": "dino-data"}
    starting.put("dino-data/manifest.json", starting.object("dino-data/manifest.json"))
    wait_until(lambda: failed_executions(starting) != [])
    (second,) = failed_executions(starting)
    (told,) = starting.messages_about(second)
    assert "AlreadyRunning" in told["Subject"]
    (job,) = starting.jobs_at_work()
    starting.session.client("sagemaker").stop_training_job(TrainingJobName=job)
    wait_until(lambda: status_of(starting, first) == "FAILED")
    (told,) = starting.messages_about(first)
    assert "TrainingStopped" in told["Subject"]
    assert starting.locks() == []
