"""A snapshot of a job that is under way: what stops it, with a reason and figures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pipeline.job.checkpoint_folder import CheckpointFolder
from pipeline.job.evaluated_epochs import EvaluatedEpoch
from pipeline.job.launched_job import StopReason
from pipeline.job.log import LogEnd
from pipeline.job.progress import judge_progress
from pipeline.job.snapshot import LINES_FOR_PROJECTION
from pipeline.request import Request
from pipeline.state import to_state

from tests.pipeline.job.progress.snapshots import (
    CREATED,
    NOW,
    QUEUE_MINUTES,
    STALL_MINUTES,
    MakeSnapshot,
    health,
    line,
    lines,
    minutes,
    one_choice,
    since,
)


def test_a_job_that_trains_is_waited_for_and_told_of(snapshot: MakeSnapshot) -> None:
    progress = judge_progress(snapshot())
    assert (progress.action, progress.error, progress.cause) == ("wait", None, None)
    assert (progress.billable_seconds, progress.cost_usd) == (3000, 1.26)
    assert (progress.images_per_second, progress.quoted_images_per_second, progress.quiet_seconds) == (2.7, 2.7, 60)
    assert progress.sentence == (
        "Training, step 30 of 1,000 in epoch 1, loss 5, 2.7 images/s (quoted: 2.7), last sign of life 60 s ago, "
        "1.26 USD so far, cap 10.00 USD."
    )
    assert json.loads(json.dumps(to_state(progress))) == to_state(progress)


def test_a_snapshot_tells_how_old_the_last_checkpoint_is_and_what_the_trainer_says_of_its_health(
    snapshot: MakeSnapshot,
) -> None:
    progress = judge_progress(snapshot(checkpoints=health(at=NOW - minutes(12)), launched={"first_minutes": "passed"}))
    assert (progress.checkpoint_age_seconds, progress.health) == (720, "healthy")
    assert "last checkpoint 12 minutes ago, health healthy" in progress.sentence
    before = judge_progress(snapshot())
    assert (before.checkpoint_age_seconds, before.health) == (None, None)


def test_a_snapshot_tells_in_money_what_the_last_epochs_brought(snapshot: MakeSnapshot) -> None:
    evaluations = tuple(
        EvaluatedEpoch(epoch=epoch, seconds=1200.0 * epoch, mean_f1=f1)
        for epoch, f1 in enumerate([0.5, 0.7, 0.8, 0.9, 0.908, 0.912, 0.91, 0.911], start=1)
    )
    progress = judge_progress(snapshot(checkpoints=CheckpointFolder(last_written=NOW, evaluations=evaluations)))
    told = "the last 5 epochs cost 2.53 USD and brought +11.2 points of F1 (best 0.912 at epoch 6), 1.26 USD so far"
    assert told in progress.sentence  # at the 1.515 USD/h of its type
    assert "epochs cost" not in judge_progress(snapshot()).sentence


@pytest.mark.parametrize("secondary", ["Starting", "Pending", "Interrupted", "Restarting"])
def test_a_job_in_the_queue_costs_nothing_and_is_not_quiet(snapshot: MakeSnapshot, secondary: str) -> None:
    progress = judge_progress(snapshot(log=LogEnd(), **since(secondary, minutes_ago=QUEUE_MINUTES - 1)))
    assert (progress.action, progress.cost_usd, progress.quiet_seconds) == ("wait", 0, None)


def test_the_pictures_and_figures_of_an_evaluation_are_no_checkpoint(snapshot: MakeSnapshot) -> None:
    folder = CheckpointFolder(last_checkpoint=NOW - minutes(12), last_written=NOW)
    assert judge_progress(snapshot(checkpoints=folder)).checkpoint_age_seconds == 720


def test_a_stopping_job_is_waited_for(snapshot: MakeSnapshot) -> None:
    assert judge_progress(snapshot("Stopping", secondary="Stopping")).action == "wait"


def test_earlier_jobs_count_in_the_executions_cost(snapshot: MakeSnapshot) -> None:
    assert judge_progress(snapshot(launched={"cost_before_usd": 2.0})).execution_cost_usd == 3.26


# Stopped by the watch


def test_a_loss_that_is_no_number_stops_the_job(snapshot: MakeSnapshot) -> None:
    log = LogEnd(last_event=NOW, training=(line(10), line(20, loss=float("nan"))))
    progress = judge_progress(snapshot(log=log))
    assert (progress.action, progress.error, progress.relaunch) == ("stop", "TrainingFailed", False)
    assert "NAN_LOSS" in str(progress.cause)
    assert "step 20 of 1,000 is nan" in str(progress.cause)
    assert '"training": {"learning_rate": 5e-05, "backbone_learning_rate": 5e-06}' in str(progress.cause)
    assert json.dumps(to_state(progress), allow_nan=False)


@pytest.mark.parametrize("secondary", ["Downloading", "Training", "Uploading"])
def test_silence_stops_a_job_that_is_billed(snapshot: MakeSnapshot, secondary: str) -> None:
    silent = NOW - minutes(STALL_MINUTES + 1)
    log = LogEnd(last_event=silent, training=lines(3))
    progress = judge_progress(snapshot(log=log, **since(secondary, minutes_ago=45)))
    assert (progress.action, progress.error) == ("stop", "TrainingStalled")
    assert f"for {STALL_MINUTES + 1} minutes" in str(progress.cause)
    assert f"while it was {secondary}" in str(progress.cause)
    assert "step 30 of 1,000" in str(progress.cause)


def test_a_file_beside_the_checkpoints_is_a_sign_of_life_like_a_line_of_the_log(snapshot: MakeSnapshot) -> None:
    log = LogEnd(last_event=NOW - minutes(STALL_MINUTES + 5), training=lines(3))
    assert (
        judge_progress(snapshot(log=log, checkpoints=CheckpointFolder(last_written=NOW - minutes(2)))).action == "wait"
    )


def test_a_job_is_given_the_same_time_for_its_first_line(snapshot: MakeSnapshot) -> None:
    assert judge_progress(snapshot(log=LogEnd(), **since("Training", minutes_ago=STALL_MINUTES - 1))).action == "wait"
    late = judge_progress(snapshot(log=LogEnd(), **since("Training", minutes_ago=STALL_MINUTES + 1)))
    assert late.error == "TrainingStalled"
    assert "never showed figures" in str(late.cause)


BEFORE_THE_FIRST_LINE = (
    "LaunchingMLInstances",
    "PreparingTrainingStack",
    "Downloading",
    "DownloadingTrainingImage",
    "Training",
)


@pytest.mark.parametrize("reached", range(1, len(BEFORE_THE_FIRST_LINE) + 1))
def test_minutes_in_each_status_before_the_first_line_are_no_silence(snapshot: MakeSnapshot, reached: int) -> None:
    """Each takes two thirds of the limit: together they take longer than it."""
    each = minutes(STALL_MINUTES * 2 / 3)
    passed = BEFORE_THE_FIRST_LINE[:reached]
    transitions = [
        {"Status": status, "StartTime": NOW - each * (reached - index), "EndTime": NOW - each * (reached - index - 1)}
        for index, status in enumerate(passed)
    ]
    del transitions[-1]["EndTime"]
    job = snapshot(log=LogEnd(), secondary=passed[-1], SecondaryStatusTransitions=transitions)
    progress = judge_progress(job)
    assert progress.action == "wait"
    assert progress.quiet_seconds in (None, 20 * 60)
    assert progress.sentence.startswith(f"{passed[-1]} for 20 minutes, ")


def test_a_restarted_spot_job_is_not_silent_because_it_was_interrupted(snapshot: MakeSnapshot) -> None:
    log = LogEnd(last_event=NOW - minutes(STALL_MINUTES + 20), training=lines(3))
    assert judge_progress(snapshot(log=log, **since("Training", minutes_ago=5))).action == "wait"


def test_a_projected_cost_over_the_cap_stops_the_job(snapshot: MakeSnapshot) -> None:
    log = LogEnd(last_event=NOW, training=lines(LINES_FOR_PROJECTION, speed=0.05))
    progress = judge_progress(snapshot(log=log))
    assert (progress.action, progress.error) == ("stop", "OverBudget")
    expected = (3000 + 900 * 2 / 0.05) / 3600 * 1.515
    assert progress.projected_usd == pytest.approx(expected, abs=0.01)
    for fact in ("0.05 images/s", f"{progress.projected_usd:.2f} USD", "cap of 10.00 USD", "100 of 1,000"):
        assert fact in str(progress.cause)


def test_the_projection_goes_by_the_images_that_the_trainer_takes(snapshot: MakeSnapshot, request_: Request) -> None:
    """Which it may have chosen itself."""
    asked = replace(request_, max_cost_usd=1000)
    log = LogEnd(last_event=NOW, training=lines(LINES_FOR_PROJECTION, speed=2.0, images=32))
    expected = (3000 + 900 * 32 / 2.0) / 3600 * 1.515
    assert judge_progress(snapshot(log=log, request=asked)).projected_usd == pytest.approx(expected, abs=0.01)
    for odd in (0.0, float("inf"), float("nan")):
        log = LogEnd(last_event=NOW, training=lines(LINES_FOR_PROJECTION, images=odd))
        assert judge_progress(snapshot(log=log)).projected_usd is None


def test_a_slow_start_or_one_slow_interval_is_not_projected(snapshot: MakeSnapshot) -> None:
    few = LogEnd(last_event=NOW, training=lines(LINES_FOR_PROJECTION - 1, speed=0.05))
    assert judge_progress(snapshot(log=few)).action == "wait"
    evaluated = LogEnd(last_event=NOW, training=(*lines(LINES_FOR_PROJECTION), line(500, speed=0.001)))
    assert judge_progress(snapshot(log=evaluated)).action == "wait"


def test_a_job_that_was_told_to_stop_and_goes_on_is_told_again(snapshot: MakeSnapshot) -> None:
    stop = StopReason(error="OverBudget", cause="Too dear.", relaunch=False)
    progress = judge_progress(snapshot(launched={"stop": stop}))
    assert (progress.action, progress.error, progress.cause) == ("stop", "OverBudget", "Too dear.")


@pytest.mark.parametrize("secondary", ["Starting", "Pending", "Interrupted"])
def test_too_long_in_the_queue_gives_way_to_the_next_choice(snapshot: MakeSnapshot, secondary: str) -> None:
    waiting = snapshot(log=LogEnd(), **since(secondary, minutes_ago=QUEUE_MINUTES + 1))
    progress = judge_progress(waiting)
    assert (progress.action, progress.error, progress.relaunch) == ("stop", None, True)
    assert f"ml.g5.2xlarge for {QUEUE_MINUTES + 1} minutes" in str(progress.cause)
    assert judge_progress(replace(waiting, quote=one_choice(waiting))).action == "wait", "there is nothing else"


def test_on_demand_the_last_choice_waits_no_longer_than_it_may_train(snapshot: MakeSnapshot) -> None:
    state = {"spot": False, "max_runtime_seconds": (QUEUE_MINUTES + 9) * 60}
    waiting = snapshot(log=LogEnd(), launched=state, **since("Pending", minutes_ago=QUEUE_MINUTES + 9))
    waiting = replace(waiting, quote=one_choice(waiting))
    assert judge_progress(waiting).action == "wait"
    later = judge_progress(replace(waiting, now=NOW + minutes(1)))
    assert (later.action, later.error, later.relaunch) == ("stop", "LaunchFailed", False)
    assert f"for {QUEUE_MINUTES + 10} minutes, more than the {QUEUE_MINUTES + 9} that it may train" in str(later.cause)


def test_a_job_that_got_a_cheaper_one_of_its_types_is_counted_at_that_price(snapshot: MakeSnapshot) -> None:
    kinds = [{"InstanceType": name, "InstanceCount": 1} for name in ("ml.g6e.2xlarge", "ml.g6.2xlarge")]
    got = snapshot(ResourceConfig={"InstancePreferences": kinds, "SelectedInstanceType": "ml.g6.2xlarge"})
    assert judge_progress(got).cost_usd == round(3000 / 3600 * 1.222, 2)


def test_each_of_several_instances_costs_its_price(snapshot: MakeSnapshot) -> None:
    one = snapshot()
    three = snapshot(ResourceConfig={"InstanceType": "ml.g5.2xlarge", "InstanceCount": 3})
    assert judge_progress(three).cost_usd == pytest.approx(3 * judge_progress(one).cost_usd, abs=0.02)


def test_the_projection_counts_the_images_of_all_gpus(snapshot: MakeSnapshot) -> None:
    """The speed in the log is that of all, too."""
    one = snapshot(log=LogEnd(last_event=NOW, training=lines(20)))
    four = replace(one, log=LogEnd(last_event=NOW, training=lines(20, images=8)))
    assert one.projected_usd is not None
    assert four.projected_usd is not None
    left_on_one, left_on_four = one.projected_usd - one.cost_usd, four.projected_usd - four.cost_usd
    assert left_on_four == pytest.approx(4 * left_on_one, abs=0.02)


# The first minutes


def test_healthy_first_minutes_are_passed_once(snapshot: MakeSnapshot) -> None:
    assert judge_progress(snapshot(checkpoints=health())).action == "first_minutes_passed"
    assert judge_progress(snapshot(checkpoints=health(), launched={"first_minutes": "passed"})).action == "wait"


def test_a_loss_that_does_not_fall_fails_them(snapshot: MakeSnapshot) -> None:
    progress = judge_progress(snapshot(checkpoints=health(falling=False)))
    assert (progress.action, progress.error) == ("first_minutes_failed", "FirstMinutesFailed")
    assert "The loss rose from 11.04 to 82.45 (means of the first and the last 33 steps)" in str(progress.cause)
    assert "after its first 11 minutes (100 steps)" in str(progress.cause)
    assert "There was enough memory." in str(progress.cause)


def test_once_passed_they_are_not_judged_again(snapshot: MakeSnapshot) -> None:
    assert (
        judge_progress(snapshot(checkpoints=health(falling=False), launched={"first_minutes": "passed"})).action
        == "wait"
    )


@pytest.mark.parametrize(
    "undecidable",
    [
        {"checkpoints": CheckpointFolder(last_checkpoint=NOW, last_written=NOW)},
        {"checkpoints": health(seconds=300)},
        {"checkpoints": health(falling=False, steps=39)},  # fewer steps than the trainer itself judges by
        {"checkpoints": health(falling=False, at=CREATED - minutes(1))},  # of an earlier job of the same run
        {"checkpoints": health(falling=False, failure="OOM")},  # the job is about to end, and says why better
        {"checkpoints": health(falling=False), "log": LogEnd(last_event=NOW, training=(line(1000),))},  # at its end
        {"checkpoints": health(falling=False), **since("Uploading", minutes_ago=1)},
    ],
)
def test_where_they_cannot_be_judged_the_job_goes_on(snapshot: MakeSnapshot, undecidable: dict[str, Any]) -> None:
    assert judge_progress(snapshot(**undecidable)).action == "wait"
