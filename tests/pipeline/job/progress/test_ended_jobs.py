"""A snapshot of a job that has ended: judged, launched again by the next choice, or failed with its reason."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from pipeline.execution import Execution
from pipeline.job.checkpoint_folder import CheckpointFolder
from pipeline.job.launched_job import Attempt, StopReason
from pipeline.job.progress import judge_progress

from tests.pipeline.conftest import context
from tests.pipeline.job.progress.snapshots import (
    CREATED,
    NOW,
    MakeSnapshot,
    minutes,
    on_demand,
    one_choice,
)


def test_a_completed_job_is_to_be_judged(snapshot: MakeSnapshot) -> None:
    progress = judge_progress(snapshot("Completed", secondary="Completed", BillableTimeInSeconds=3600))
    assert (progress.action, progress.cost_usd, progress.projected_usd) == ("completed", 1.52, None)
    assert progress.artifact_uri == f"s3://bucket/training-jobs/{snapshot().job.name}/output/model.tar.gz"


def test_a_job_that_was_done_before_it_could_be_stopped_is_judged_all_the_same(snapshot: MakeSnapshot) -> None:
    stop = StopReason(error="OverBudget", cause="Too dear.", relaunch=False)
    assert judge_progress(snapshot("Completed", secondary="Completed", launched={"stop": stop})).action == "completed"


def test_a_job_that_completed_without_an_artifact_goes_on_if_it_may_have_been_interrupted(
    snapshot: MakeSnapshot,
) -> None:
    ended = {"status": "Completed", "secondary": "Completed", "ModelArtifacts": {}}
    progress = judge_progress(snapshot(**ended))
    assert (progress.action, progress.attempt) == ("relaunch", Attempt(stage=0, choice=0, number=1))
    on_demand_job = judge_progress(snapshot(**ended, launched={"spot": False}))
    assert (on_demand_job.action, on_demand_job.error) == ("failed", "TrainingFailed")
    assert "completed without a model" in str(on_demand_job.cause)


@pytest.mark.parametrize(("status", "secondary"), [("Stopped", "Stopped"), ("Failed", "Failed")])
def test_a_stopped_job_ends_with_why_it_was_stopped(snapshot: MakeSnapshot, status: str, secondary: str) -> None:
    stop = StopReason(error="TrainingStalled", cause="Silence.", relaunch=False)
    progress = judge_progress(snapshot(status, secondary=secondary, launched={"stop": stop}))
    assert (progress.action, progress.error, progress.cause) == ("failed", "TrainingStalled", "Silence.")
    assert progress.artifact_uri is None


def test_after_too_long_in_the_queue_the_next_choice_is_launched(snapshot: MakeSnapshot) -> None:
    stop = StopReason(error=None, cause="It waited.", relaunch=True)
    progress = judge_progress(snapshot("Stopped", secondary="Stopped", launched={"stop": stop, "number": 2}))
    assert (progress.action, progress.attempt) == ("relaunch", Attempt(stage=0, choice=1, number=3))


@pytest.mark.parametrize(
    "lacking",
    [
        {"status": "Failed", "secondary": "Failed", "FailureReason": "CapacityError: Unable to provision capacity."},
        {"status": "Stopped", "secondary": "MaxWaitTimeExceeded"},
        {"status": "Stopped", "secondary": "Interrupted"},
    ],
)
def test_without_capacity_the_next_choice_is_launched_as_long_as_there_is_one(
    snapshot: MakeSnapshot, lacking: dict[str, Any]
) -> None:
    ended = snapshot(**lacking)
    progress = judge_progress(ended)
    assert (progress.action, progress.attempt) == ("relaunch", Attempt(stage=0, choice=1, number=1))
    last = judge_progress(replace(ended, quote=one_choice(ended)))
    assert (last.action, last.attempt) == ("failed", None)
    assert re.search(r"Redrive( later)?, or start again with", str(last.cause))


def test_a_failed_job_ends_with_its_reason(snapshot: MakeSnapshot) -> None:
    progress = judge_progress(snapshot("Failed", secondary="Failed", FailureReason="OOM: the memory did not suffice."))
    assert (progress.action, progress.error) == ("failed", "TrainingFailed")
    assert "OOM: the memory did not suffice." in str(progress.cause)


def test_what_sagemaker_itself_fails_at_goes_on_if_the_job_has_saved_a_checkpoint(snapshot: MakeSnapshot) -> None:
    reason = "InternalServerError: We encountered an internal error.  Please try again."
    failed: dict[str, Any] = {"status": "Failed", "secondary": "Failed", "FailureReason": reason}
    progress = judge_progress(snapshot(**failed, checkpoints=CheckpointFolder(last_checkpoint=NOW - minutes(5))))
    assert (progress.action, progress.attempt) == ("relaunch", Attempt(stage=0, choice=0, number=1))
    for earlier in (None, CREATED - minutes(5)):  # it would cost the whole cap if each job failed at the same
        progress = judge_progress(snapshot(**failed, checkpoints=CheckpointFolder(last_checkpoint=earlier)))
        assert (progress.action, progress.error) == ("failed", "TrainingFailed")


def test_a_job_stopped_by_hand_ends_the_run(snapshot: MakeSnapshot) -> None:
    assert judge_progress(snapshot("Stopped", secondary="Stopped")).error == "TrainingStopped"


def test_a_redrive_after_an_abort_goes_on_where_the_job_was_stopped(snapshot: MakeSnapshot) -> None:
    redriven = Execution.from_context(context(RedriveCount=1))
    progress = judge_progress(snapshot("Stopped", secondary="Stopped", execution=redriven))
    assert (progress.action, progress.attempt) == ("relaunch", Attempt(stage=0, choice=0, number=1))
    again = judge_progress(snapshot("Stopped", secondary="Stopped", execution=redriven, launched={"redrive_count": 1}))
    assert again.action == "failed", "the job that the redrive launched is not launched forever"


def test_on_demand_the_next_choice_is_one_with_a_type_that_the_job_could_not_have_got(snapshot: MakeSnapshot) -> None:
    both, third = ["ml.g5.2xlarge", "ml.g6.2xlarge"], ["ml.g6e.2xlarge"]
    ended = snapshot(
        "Failed", secondary="Failed", FailureReason="CapacityError: none", launched={"instance_types": tuple(both)}
    )
    progress = judge_progress(replace(ended, quote=on_demand(ended, both, both[:1], both[1:], third)))
    assert (progress.action, progress.attempt) == ("relaunch", Attempt(stage=0, choice=3, number=1))
    assert judge_progress(replace(ended, quote=on_demand(ended, both, both[:1], both[1:]))).error == "LaunchFailed"
