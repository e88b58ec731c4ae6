"""A run on two instances, from the request to the message: the trainer itself, as two processes on this machine."""

from __future__ import annotations

import json

import pytest

from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240), pytest.mark.usefixtures("dataset_version")]


def test_a_run_on_two_instances_is_quoted_trained_paid_and_recorded_as_such(deployed: Deployed) -> None:
    execution = deployed.run(preset="tiny", epochs=2, instance_count=2, quality_gate={})
    assert execution.status == "SUCCEEDED", execution.cause
    (name,) = deployed.jobs_of(execution)
    job = deployed.session.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert job["ResourceConfig"]["InstanceCount"] == 2
    message = deployed.message_of(execution)["Message"]
    assert "on demand on 2 x ml.g5.2xlarge (3.03 USD/h" in message
    assert "Each update takes 2 images, those of 2 GPUs" in message
    assert "(2 x ml.g5.2xlarge, Completed, Completed)" in message
    outcome = json.loads(
        deployed.session.client("stepfunctions").describe_execution(executionArn=execution.arn)["output"]
    )
    assert outcome["cost_usd"] == pytest.approx(job["BillableTimeInSeconds"] / 3600 * 3.03, abs=0.006)
    run = execution.arn.rsplit(":", 1)[-1]
    record = json.loads(
        deployed.session.client("s3").get_object(Bucket=deployed.bucket, Key=f"runs/{run}-0.json")["Body"].read()
    )
    assert (record["instance_count"], record["usd_per_hour"]) == (2, 3.03)
