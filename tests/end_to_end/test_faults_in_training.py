"""What goes wrong with a job that trains, and how its run ends: with a reason, one message, and no job left."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from pipeline.job_log import LOG_GROUP

from tests.end_to_end.deployed import Deployed, sentence, wait_until
from training_code.health import JUDGED_STEPS, judge
from training_code.metric_lines import TRAINING_FIGURES, training_line

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240), pytest.mark.usefixtures("dataset_version")]


def test_weights_that_are_no_numbers_fail_the_job_as_nan_loss(deployed: Deployed) -> None:
    upload_weights(deployed, "no-numbers.safetensors", "transformer.level_embed", np.full((4, 64), np.nan, np.float32))
    execution = deployed.run(epochs=1, pretrained="no-numbers.safetensors")
    assert (execution.status, execution.error) == ("FAILED", "TrainingFailed")
    assert "NAN_LOSS" in sentence(execution)
    assert "NAN_LOSS" in deployed.message_of(execution)["Message"]


def test_weights_of_another_model_fail_the_job_as_config(deployed: Deployed) -> None:
    upload_weights(deployed, "of-another-model.safetensors", "other", np.zeros(3, np.float32))
    execution = deployed.run(epochs=1, pretrained="of-another-model.safetensors")
    assert (execution.status, execution.error) == ("FAILED", "TrainingFailed")
    assert "CONFIG: No tensor of the checkpoint fits the model" in sentence(execution)
    assert "CONFIG" in deployed.message_of(execution)["Message"]


def test_a_job_that_hangs_is_stopped_by_the_watch(deployed: Deployed) -> None:
    follower = deployed.start(epochs=500)
    name = follower.wait_for_job()
    assert name is not None
    wait_until(lambda: deployed.log_end(name).training != ())
    os.kill(process_of(name), signal.SIGSTOP)
    execution = follower.wait_for_end()
    assert (execution.status, execution.error) == ("FAILED", "TrainingStalled")
    assert "neither wrote to its log nor saved a checkpoint while it was Training" in sentence(execution)
    assert "Stop" in execution.states
    assert execution.job is not None
    assert execution.job.status == "Stopped"
    assert "TrainingStalled" in deployed.message_of(execution)["Message"]


def test_a_job_whose_log_shows_a_loss_that_is_no_number_is_stopped(deployed: Deployed) -> None:
    """A trainer that goes on all the same; ours ends by itself before it writes such a line."""
    follower = deployed.start(epochs=500)
    name = follower.wait_for_job()
    assert name is not None
    wait_until(lambda: deployed.log_end(name).last_event is not None)
    figures = dict.fromkeys(TRAINING_FIGURES, 1.0) | {"loss": float("nan")}
    logs = deployed.session.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    later = int(time.time() * 1000) + 60_000  # so that it stays the last one
    line = training_line(step=10, steps=3500, epoch=2, figures=figures)
    logs.put_log_events(
        logGroupName=LOG_GROUP,
        logStreamName=stream["logStreamName"],
        logEvents=[{"timestamp": later, "message": line}],
    )
    execution = follower.wait_for_end()
    assert (execution.status, execution.error) == ("FAILED", "TrainingFailed")
    assert "NAN_LOSS: its loss at step 10 of 3,500 is nan" in sentence(execution)
    assert "Stop" in execution.states
    assert execution.job is not None
    assert execution.job.status == "Stopped"
    assert "NAN_LOSS" in deployed.message_of(execution)["Message"]


def test_a_job_whose_first_minutes_were_unhealthy_is_stopped(deployed: Deployed) -> None:
    """The trainer's verdict on a loss that rises, put where the trainer puts its verdict."""
    follower = deployed.start(epochs=500)
    name = follower.wait_for_job()
    assert name is not None
    wait_until(lambda: deployed.is_training(name))
    rising = judge([float(step) for step in range(JUDGED_STEPS)], seconds=600, needed_minutes=10)
    deployed.put(f"{deployed.checkpoints_prefix(name)}health.json", json.dumps(rising).encode())
    execution = follower.wait_for_end()
    assert (execution.status, execution.error) == ("FAILED", "FirstMinutesFailed")
    assert "The loss did not fall: from 9.5 to 29.5" in sentence(execution)
    assert "FirstMinutesFailed" in execution.states
    assert execution.job is not None
    assert execution.job.status == "Stopped"
    assert "FirstMinutesFailed" in deployed.message_of(execution)["Message"]


def test_a_model_below_the_gate_is_told_and_not_registered(deployed: Deployed) -> None:
    execution = deployed.run(epochs=1)
    assert execution.status == "SUCCEEDED", execution.cause
    assert execution.states[-4:] == ("GateNotMet", "Finalise", "HasSucceeded", "Succeeded")
    message = deployed.message_of(execution)["Message"]
    assert "The gate is not met: The F1 of room is " in message
    assert "below 0.895" in message
    assert packages(deployed, execution.arn) == []


def test_a_model_that_meets_the_gate_waits_in_the_registry_for_approval(
    deployed: Deployed, dataset_version: str
) -> None:
    execution = deployed.run(epochs=1, quality_gate={"room": 0.0})
    assert execution.status == "SUCCEEDED", execution.cause
    assert "Registered" in execution.states
    (package,) = packages(deployed, execution.arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert execution.job is not None
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == execution.job.model_artifact
    told = package["CustomerMetadataProperties"]
    assert told["dataset_version"] == dataset_version
    assert 0 <= float(told["ap"]) <= 1
    assert 0 <= float(told["f1.room"]) <= 1
    assert package["ModelPackageArn"] in deployed.message_of(execution)["Message"]


def test_an_aborted_execution_leaves_no_job_and_tells_its_end(deployed: Deployed) -> None:
    follower = deployed.start(epochs=500)
    name = follower.wait_for_job()
    assert name is not None
    wait_until(lambda: deployed.is_training(name))
    (arn,) = deployed.executions_at_work()
    deployed.session.client("stepfunctions").stop_execution(executionArn=arn)
    execution = follower.wait_for_end()
    assert execution.status == "ABORTED"
    wait_until(lambda: not deployed.jobs_at_work() and deployed.messages_about(arn) != [])
    described = deployed.session.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert described["TrainingJobStatus"] == "Stopped"
    assert "Somebody stopped the execution" in deployed.message_of(execution)["Message"]
    # The lock outlives no holder: the next run on the same data set gets as far as its own fault.
    deployed.aws.service_quotas.set("ml.g5.2xlarge", 0, spot=True)
    assert deployed.run(epochs=1).error == "QuoteRefused"


def upload_weights(deployed: Deployed, name: str, tensor: str, value: np.ndarray) -> None:
    deployed.put(f"pretrained/{name}", safetensors.numpy.save({tensor: value}))


def process_of(job: str) -> int:
    """The process of the job's trainer."""
    (process,) = [each for each in Path("/proc").glob("[0-9]*") if is_trainer(each, job)]
    return int(process.name)


def is_trainer(process: Path, job: str) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is another user's
        return False
    return b"training_code.train" in command and f"TRAINING_JOB_NAME={job}".encode() in environment


def packages(deployed: Deployed, execution: str) -> list[Any]:
    """The registry's packages that an execution has registered."""
    sagemaker = deployed.session.client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="floorplan-dino")["ModelPackageSummaryList"]
    found = [sagemaker.describe_model_package(ModelPackageName=each["ModelPackageArn"]) for each in listed]
    return [each for each in found if each["CustomerMetadataProperties"]["execution"] == execution]
