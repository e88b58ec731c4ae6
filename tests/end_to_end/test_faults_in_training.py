"""What happens to a job that trains, and how its run ends: with a reason, one message, and no job left."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from pipeline.job.log import LOG_GROUP

from demo.trained_model import fetch_model
from tests.end_to_end.deployed import Deployed, wait_until
from tests.end_to_end.job_process import process_of
from training_code.job.health import JUDGED_STEPS, judge_health
from training_code.job.metric_lines import TRAINING_FIGURES, training_line

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240), pytest.mark.usefixtures("dataset_version")]


def test_a_job_that_hangs_is_stopped_by_the_watch(deployed: Deployed) -> None:
    follower, name = deployed.start_training(epochs=500)
    wait_until(lambda: deployed.log_end(name).training != ())
    os.kill(process_of(name), signal.SIGSTOP)
    execution = follower.wait_for_end()
    said = "neither wrote to its log nor saved a checkpoint while it was Training"
    deployed.assert_failed(execution, "TrainingStalled", said)
    deployed.assert_stopped(execution)


def test_a_job_whose_log_shows_a_loss_that_is_no_number_is_stopped(deployed: Deployed) -> None:
    """A trainer that goes on all the same; ours ends by itself before it writes such a line."""
    follower, name = deployed.start_training(epochs=500)
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
    deployed.assert_failed(execution, "TrainingFailed", "NAN_LOSS: its loss at step 10 of 3,500 is nan")
    deployed.assert_stopped(execution)


def test_a_job_whose_first_minutes_were_unhealthy_is_stopped(deployed: Deployed) -> None:
    """The health of a loss that rises, put where the trainer puts its own."""
    follower, name = deployed.start_training(epochs=500)
    rising = judge_health([float(step) for step in range(JUDGED_STEPS)], seconds=600, needed_minutes=10)
    deployed.put(f"{deployed.checkpoints_prefix(name)}health.json", json.dumps(rising).encode())
    execution = follower.wait_for_end()
    deployed.assert_failed(execution, "FirstMinutesFailed", "The loss rose from 6.079 to 28.92")
    assert "FirstMinutesFailed" in execution.states
    deployed.assert_stopped(execution)


def test_after_a_job_was_stopped_by_hand_a_redrive_goes_on_from_its_checkpoint(
    deployed: Deployed, tmp_path: Path
) -> None:
    follower, name = deployed.start_training(epochs=12)
    wait_until(lambda: deployed.checkpoints(name) != [])
    deployed.session.client("sagemaker").stop_training_job(TrainingJobName=name)
    stopped = follower.wait_for_end()
    deployed.assert_failed(stopped, "TrainingStopped")
    execution = deployed.redrive(stopped.arn).wait_for_end()
    assert (execution.arn, execution.status) == (stopped.arn, "SUCCEEDED"), execution.cause
    assert execution.job is not None
    assert deployed.jobs_of(execution) == [name, execution.job.name]
    assert "Going on from the checkpoint after step" in deployed.log_of(execution.job.name)
    model = fetch_model(deployed.session, execution.job.model_artifact, tmp_path / "model")
    assert [entry["step"] for entry in model.history] == list(range(1, len(model.history) + 1))
    assert model.history[-1]["epoch"] == 12
    failed, succeeded = deployed.messages_about(execution.arn)
    assert "TrainingStopped" in failed["Message"]
    assert execution.job.model_artifact in succeeded["Message"]


def test_an_interruption_that_sagemaker_calls_completed_goes_on_from_the_last_whole_checkpoint(
    deployed: Deployed, tmp_path: Path
) -> None:
    """The trainer exits with 0 when it is asked to stop, and the upload of its last checkpoint is cut off."""
    deployed.aws.faults.complete_when_interrupted()
    deployed.aws.faults.cut_last_upload()
    follower, name = deployed.start_training(epochs=12)
    wait_until(lambda: len(deployed.checkpoints(name)) == 2)
    deployed.aws.training_jobs.interrupt(name)
    execution = follower.wait_for_end()
    assert execution.status == "SUCCEEDED", execution.cause
    assert "Interrupted" in execution.states
    assert execution.job is not None
    assert deployed.jobs_of(execution) == [name, execution.job.name]
    log = deployed.log_of(execution.job.name)
    assert "is damaged (its content does not match the hash in its name)" in log
    assert "Going on from the checkpoint after step" in log
    model = fetch_model(deployed.session, execution.job.model_artifact, tmp_path / "model")
    assert [entry["step"] for entry in model.history] == list(range(1, len(model.history) + 1))
    assert model.history[-1]["epoch"] == 12
    assert len(deployed.checkpoints(execution.job.name)) == 2, "what the trainer deletes is deleted in S3"


def test_an_aborted_execution_leaves_no_job_and_tells_its_end(deployed: Deployed) -> None:
    follower, name = deployed.start_training(epochs=500)
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
