"""One look at a job: what it means for the run, with a reason and figures for each stop."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.execution import Execution
from pipeline.job_checkpoints import Checkpoints
from pipeline.job_log import LogEnd
from pipeline.job_look import LINES_FOR_PROJECTION, Look
from pipeline.job_progress import judge_progress
from pipeline.job_state import BILLED, QUEUED
from pipeline.request import Defaults, Request, parse_request
from pipeline.run_health import read_health

from tests.pipeline.conftest import context, described_job
from training_code.health import judge
from training_code.metric_lines import TRAINING_FIGURES, TrainingLine
from training_code.presets import PRESETS

CREATED = described_job("job")["CreationTime"]
NOW = CREATED + timedelta(hours=1)
STALL_MINUTES, QUEUE_MINUTES = 30, 20
MakeLook = Callable[..., Look]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def since(status: str, *, minutes_ago: float) -> dict[str, Any]:
    """DescribeTrainingJob's fields of a job in this secondary status for so long."""
    start = NOW - minutes(minutes_ago)
    starting = [] if status in QUEUED else [{"Status": "Starting", "StartTime": CREATED, "EndTime": start}]
    return {"secondary": status, "SecondaryStatusTransitions": [*starting, {"Status": status, "StartTime": start}]}


def line(step: int, *, steps: int = 1000, loss: float = 5.0, speed: float = 2.7) -> TrainingLine:
    figures = dict.fromkeys(TRAINING_FIGURES, 1.0) | {"loss": loss, "images_per_second": speed}
    return TrainingLine(step, steps, 1, figures)


def lines(count: int, **more: Any) -> tuple[TrainingLine, ...]:
    return tuple(line(10 * (index + 1), **more) for index in range(count))


@pytest.fixture
def look(job_state: dict[str, Any], quote: dict[str, Any], request_: Request, execution: Execution) -> MakeLook:
    """A healthy job in the middle of its training, with what a test changes."""

    def make(status: str = "InProgress", *, state: dict[str, Any] | None = None, **more: Any) -> Look:
        looked = {name: more.pop(name) for name in ("log", "checkpoints", "execution", "quote") if name in more}
        job = described_job(job_state["name"], status, **(since("Training", minutes_ago=50) | more))
        healthy = Look(
            job=job,
            state=job_state | (state or {}),
            log=LogEnd(last_event=NOW - minutes(1), training=lines(3)),
            checkpoints=Checkpoints(),
            request=request_,
            quote=quote,
            execution=execution,
            stall_limit=minutes(STALL_MINUTES),
            queue_limit=minutes(QUEUE_MINUTES),
            now=NOW,
        )
        return replace(healthy, **looked)

    return make


def health(
    *, falling: bool = True, seconds: float = 660, failure: str | None = None, at: datetime = NOW, steps: int = 100
) -> Checkpoints:
    losses = [float(steps - step if falling else step) for step in range(steps)]
    verdict = judge(losses, seconds=seconds, needed_minutes=10, failure=failure)
    return Checkpoints(last=at, health=read_health(json.dumps(verdict).encode()), health_written=at)


def one_choice(look: Look) -> dict[str, Any]:
    return {**look.quote, "choices": look.quote["choices"][:1]}


# While all is well


def test_a_job_that_trains_is_waited_for_and_told_of(look: MakeLook) -> None:
    progress = judge_progress(look())
    assert (progress.action, progress.error, progress.cause) == ("wait", None, None)
    assert (progress.billable_seconds, progress.cost_usd) == (3000, 1.26)
    assert (progress.images_per_second, progress.quoted_images_per_second, progress.quiet_seconds) == (2.7, 2.7, 60)
    assert progress.sentence == (
        "Training, step 30 of 1,000 in epoch 1, loss 5, 2.7 images/s (quoted: 2.7), last sign of life 60 s ago, "
        "1.26 USD so far, cap 10.00 USD."
    )
    assert json.loads(json.dumps(progress.to_state())) == progress.to_state()


def test_a_look_tells_how_old_the_last_checkpoint_is_and_what_the_trainer_says_of_its_health(look: MakeLook) -> None:
    progress = judge_progress(look(checkpoints=health(at=NOW - minutes(12)), state={"first_minutes": "passed"}))
    assert (progress.checkpoint_age_seconds, progress.health) == (720, "healthy")
    assert "last checkpoint 12 minutes ago, health healthy" in progress.sentence
    before = judge_progress(look())
    assert (before.checkpoint_age_seconds, before.health) == (None, None)


@pytest.mark.parametrize("secondary", ["Starting", "Pending", "Interrupted", "Restarting"])
def test_a_job_in_the_queue_costs_nothing_and_is_not_quiet(look: MakeLook, secondary: str) -> None:
    progress = judge_progress(look(log=LogEnd(), **since(secondary, minutes_ago=QUEUE_MINUTES - 1)))
    assert (progress.action, progress.cost_usd, progress.quiet_seconds) == ("wait", 0, None)


def test_a_stopping_job_is_waited_for(look: MakeLook) -> None:
    assert judge_progress(look("Stopping", secondary="Stopping")).action == "wait"


def test_earlier_jobs_count_in_the_executions_cost(look: MakeLook) -> None:
    assert judge_progress(look(state={"cost_before_usd": 2.0})).execution_cost_usd == 3.26


# Stopped by the watch


def test_a_loss_that_is_no_number_stops_the_job(look: MakeLook) -> None:
    log = LogEnd(last_event=NOW, training=(line(10), line(20, loss=float("nan"))))
    progress = judge_progress(look(log=log))
    assert (progress.action, progress.error, progress.relaunch) == ("stop", "TrainingFailed", False)
    assert "NAN_LOSS" in str(progress.cause)
    assert "step 20 of 1,000 is nan" in str(progress.cause)
    assert json.dumps(progress.to_state(), allow_nan=False)


@pytest.mark.parametrize("secondary", ["Downloading", "Training", "Uploading"])
def test_silence_stops_a_job_that_is_billed(look: MakeLook, secondary: str) -> None:
    silent = NOW - minutes(STALL_MINUTES + 1)
    log = LogEnd(last_event=silent, training=lines(3))
    progress = judge_progress(look(log=log, **since(secondary, minutes_ago=45)))
    assert (progress.action, progress.error) == ("stop", "TrainingStalled")
    assert f"for {STALL_MINUTES + 1} minutes" in str(progress.cause)
    assert f"while it was {secondary}" in str(progress.cause)
    assert "step 30 of 1,000" in str(progress.cause)


def test_a_checkpoint_is_a_sign_of_life_like_a_line_of_the_log(look: MakeLook) -> None:
    log = LogEnd(last_event=NOW - minutes(STALL_MINUTES + 5), training=lines(3))
    assert judge_progress(look(log=log, checkpoints=Checkpoints(last=NOW - minutes(2)))).action == "wait"


def test_a_job_is_given_the_same_time_for_its_first_line(look: MakeLook) -> None:
    assert judge_progress(look(log=LogEnd(), **since("Training", minutes_ago=STALL_MINUTES - 1))).action == "wait"
    late = judge_progress(look(log=LogEnd(), **since("Training", minutes_ago=STALL_MINUTES + 1)))
    assert late.error == "TrainingStalled"
    assert "never showed figures" in str(late.cause)


def test_a_restarted_spot_job_is_not_silent_because_it_was_interrupted(look: MakeLook) -> None:
    log = LogEnd(last_event=NOW - minutes(STALL_MINUTES + 20), training=lines(3))
    assert judge_progress(look(log=log, **since("Training", minutes_ago=5))).action == "wait"


def test_a_projected_cost_over_the_cap_stops_the_job(look: MakeLook) -> None:
    log = LogEnd(last_event=NOW, training=lines(LINES_FOR_PROJECTION, speed=0.05))
    progress = judge_progress(look(log=log))
    assert (progress.action, progress.error) == ("stop", "OverBudget")
    config = PRESETS["room_wall"].training
    images = 900 * config.batch_size * config.accumulation_steps
    expected = (3000 + images / 0.05) / 3600 * 1.515
    assert progress.projected_usd == pytest.approx(expected, abs=0.01)
    for fact in ("0.05 images/s", f"{progress.projected_usd:.2f} USD", "cap of 10.00 USD", "100 of 1,000"):
        assert fact in str(progress.cause)


def test_a_slow_start_or_one_slow_interval_is_not_projected(look: MakeLook) -> None:
    few = LogEnd(last_event=NOW, training=lines(LINES_FOR_PROJECTION - 1, speed=0.05))
    assert judge_progress(look(log=few)).action == "wait"
    evaluated = LogEnd(last_event=NOW, training=(*lines(LINES_FOR_PROJECTION), line(500, speed=0.001)))
    assert judge_progress(look(log=evaluated)).action == "wait"


def test_a_job_that_was_told_to_stop_and_goes_on_is_told_again(look: MakeLook) -> None:
    stop = {"error": "OverBudget", "cause": "Too dear.", "relaunch": False}
    progress = judge_progress(look(state={"stop": stop}))
    assert (progress.action, progress.error, progress.cause) == ("stop", "OverBudget", "Too dear.")


@pytest.mark.parametrize("secondary", ["Starting", "Pending", "Interrupted"])
def test_too_long_in_the_queue_gives_way_to_the_next_choice(look: MakeLook, secondary: str) -> None:
    waiting = look(log=LogEnd(), **since(secondary, minutes_ago=QUEUE_MINUTES + 1))
    progress = judge_progress(waiting)
    assert (progress.action, progress.error, progress.relaunch) == ("stop", None, True)
    assert f"ml.g5.2xlarge for {QUEUE_MINUTES + 1} minutes" in str(progress.cause)
    assert judge_progress(replace(waiting, quote=one_choice(waiting))).action == "wait", "there is nothing else"


def on_demand(look: Look, *choices: list[str]) -> dict[str, Any]:
    """The quote of these choices, on demand."""
    template = look.quote["choices"][0] | {"spot": False}
    return {**look.quote, "choices": [template | {"instance_types": names} for names in choices]}


def test_on_demand_the_next_choice_is_one_with_a_type_that_the_job_could_not_have_got(look: MakeLook) -> None:
    both, third = ["ml.g5.2xlarge", "ml.g6.2xlarge"], ["ml.g6e.2xlarge"]
    ended = look("Failed", secondary="Failed", FailureReason="CapacityError: none", state={"instance_types": both})
    progress = judge_progress(replace(ended, quote=on_demand(ended, both, both[:1], both[1:], third)))
    assert (progress.action, progress.attempt) == ("relaunch", {"run": 0, "choice": 3, "number": 1})
    assert judge_progress(replace(ended, quote=on_demand(ended, both, both[:1], both[1:]))).error == "LaunchFailed"


def test_on_demand_the_last_choice_waits_no_longer_than_it_may_train(look: MakeLook) -> None:
    state = {"spot": False, "max_runtime_seconds": (QUEUE_MINUTES + 9) * 60}
    waiting = look(log=LogEnd(), state=state, **since("Pending", minutes_ago=QUEUE_MINUTES + 9))
    waiting = replace(waiting, quote=one_choice(waiting))
    assert judge_progress(waiting).action == "wait"
    later = judge_progress(replace(waiting, now=NOW + minutes(1)))
    assert (later.action, later.error, later.relaunch) == ("stop", "LaunchFailed", False)
    assert f"for {QUEUE_MINUTES + 10} minutes, more than the {QUEUE_MINUTES + 9} that it may train" in str(later.cause)


def test_a_job_that_got_a_cheaper_one_of_its_types_is_counted_at_that_price(look: MakeLook) -> None:
    kinds = {"InstancePreferences": [{"InstanceType": "ml.g6e.2xlarge"}, {"InstanceType": "ml.g6.2xlarge"}]}
    got = look(ResourceConfig=kinds | {"SelectedInstanceType": "ml.g6.2xlarge"})
    assert judge_progress(got).cost_usd == round(3000 / 3600 * 1.222, 2)


# The first minutes


def test_healthy_first_minutes_are_passed_once(look: MakeLook) -> None:
    assert judge_progress(look(checkpoints=health())).action == "first_minutes_passed"
    assert judge_progress(look(checkpoints=health(), state={"first_minutes": "passed"})).action == "wait"


def test_a_loss_that_does_not_fall_fails_them(look: MakeLook) -> None:
    progress = judge_progress(look(checkpoints=health(falling=False)))
    assert (progress.action, progress.error) == ("first_minutes_failed", "FirstMinutesFailed")
    assert "The loss did not fall: from 9.5 to 89.5" in str(progress.cause)
    assert "after its first 11 minutes (100 steps)" in str(progress.cause)
    assert "The memory sufficed." in str(progress.cause)


def test_once_passed_they_are_not_judged_again(look: MakeLook) -> None:
    assert judge_progress(look(checkpoints=health(falling=False), state={"first_minutes": "passed"})).action == "wait"


@pytest.mark.parametrize(
    "undecidable",
    [
        {"checkpoints": Checkpoints(last=NOW)},
        {"checkpoints": health(seconds=300)},
        {"checkpoints": health(falling=False, steps=39)},  # fewer steps than the trainer itself judges by
        {"checkpoints": health(falling=False, at=CREATED - minutes(1))},  # of an earlier job of the same run
        {"checkpoints": health(falling=False, failure="OOM")},  # the job is about to end, and says why better
        {"checkpoints": health(falling=False), "log": LogEnd(last_event=NOW, training=(line(1000),))},  # at its end
        {"checkpoints": health(falling=False), **since("Uploading", minutes_ago=1)},
    ],
)
def test_where_they_cannot_be_judged_the_job_goes_on(look: MakeLook, undecidable: dict[str, Any]) -> None:
    assert judge_progress(look(**undecidable)).action == "wait"


# At its end


def test_a_completed_job_is_to_be_judged(look: MakeLook) -> None:
    progress = judge_progress(look("Completed", secondary="Completed", BillableTimeInSeconds=3600))
    assert (progress.action, progress.cost_usd, progress.projected_usd) == ("completed", 1.52, None)
    assert progress.artifact_uri == f"s3://bucket/training-jobs/{progress_name(look)}/output/model.tar.gz"


def progress_name(look: MakeLook) -> str:
    return str(look().state["name"])


def test_a_job_that_was_done_before_it_could_be_stopped_is_judged_all_the_same(look: MakeLook) -> None:
    stop = {"error": "OverBudget", "cause": "Too dear.", "relaunch": False}
    assert judge_progress(look("Completed", secondary="Completed", state={"stop": stop})).action == "completed"


@pytest.mark.parametrize(("status", "secondary"), [("Stopped", "Stopped"), ("Failed", "Failed")])
def test_a_stopped_job_ends_with_why_it_was_stopped(look: MakeLook, status: str, secondary: str) -> None:
    stop = {"error": "TrainingStalled", "cause": "Silence.", "relaunch": False}
    progress = judge_progress(look(status, secondary=secondary, state={"stop": stop}))
    assert (progress.action, progress.error, progress.cause) == ("failed", "TrainingStalled", "Silence.")
    assert progress.artifact_uri is None


def test_after_too_long_in_the_queue_the_next_choice_is_launched(look: MakeLook) -> None:
    stop = {"error": None, "cause": "It waited.", "relaunch": True}
    progress = judge_progress(look("Stopped", secondary="Stopped", state={"stop": stop, "number": 2}))
    assert (progress.action, progress.attempt) == ("relaunch", {"run": 0, "choice": 1, "number": 3})


@pytest.mark.parametrize(
    "lacking",
    [
        {"status": "Failed", "secondary": "Failed", "FailureReason": "CapacityError: Unable to provision capacity."},
        {"status": "Stopped", "secondary": "MaxWaitTimeExceeded"},
        {"status": "Stopped", "secondary": "Interrupted"},
    ],
)
def test_without_capacity_the_next_choice_is_launched_as_long_as_there_is_one(
    look: MakeLook, lacking: dict[str, Any]
) -> None:
    ended = look(**lacking)
    progress = judge_progress(ended)
    assert (progress.action, progress.attempt) == ("relaunch", {"run": 0, "choice": 1, "number": 1})
    last = judge_progress(replace(ended, quote=one_choice(ended)))
    assert (last.action, last.attempt) == ("failed", None)
    assert "Start again" in str(last.cause)


def test_a_failed_job_ends_with_its_reason(look: MakeLook) -> None:
    progress = judge_progress(look("Failed", secondary="Failed", FailureReason="OOM: the memory did not suffice."))
    assert (progress.action, progress.error) == ("failed", "TrainingFailed")
    assert "OOM: the memory did not suffice." in str(progress.cause)


def test_a_job_stopped_by_hand_ends_the_run(look: MakeLook) -> None:
    assert judge_progress(look("Stopped", secondary="Stopped")).error == "TrainingStopped"


def test_a_redrive_after_an_abort_goes_on_where_the_job_was_stopped(look: MakeLook) -> None:
    redriven = Execution.from_context(context(RedriveCount=1))
    progress = judge_progress(look("Stopped", secondary="Stopped", execution=redriven))
    assert (progress.action, progress.attempt) == ("relaunch", {"run": 0, "choice": 0, "number": 1})
    again = judge_progress(look("Stopped", secondary="Stopped", execution=redriven, state={"redrive_count": 1}))
    assert again.action == "failed", "the job that the redrive launched is not launched for ever"


# Whatever it looks like

statuses = st.sampled_from(["InProgress", "Stopping", "Stopped", "Failed", "Completed"])
secondaries = st.sampled_from(
    sorted(QUEUED | BILLED | {"Stopped", "Failed", "Completed", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"})
)
odd_numbers = st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e-320, 1e300, 0.01, 2.7])
stops = st.none() | st.fixed_dictionaries(
    {"error": st.just("OverBudget"), "cause": st.just("x"), "relaunch": st.booleans()}
)


@given(
    status=statuses,
    secondary=secondaries,
    last=st.none() | st.integers(-100, 100),
    training=st.lists(st.tuples(st.integers(0, 2000), odd_numbers, odd_numbers), max_size=12),
    stop=stops,
    choice=st.integers(0, 1),
    first=st.sampled_from(["open", "passed"]),
    reason=st.text(),
)
def test_every_look_has_one_action_that_the_state_machine_can_follow(
    status: str,
    secondary: str,
    last: int | None,
    training: list[tuple[int, float, float]],
    *,
    stop: dict[str, Any] | None,
    choice: int,
    first: str,
    reason: str,
) -> None:
    progress = judge_progress(anything(status, secondary, last, training, stop, choice, first, reason))
    state = progress.to_state()
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert progress.sentence.isprintable()
    ended = status in ("Stopped", "Failed", "Completed")
    if progress.action in ("failed", "stop", "first_minutes_failed") and not progress.relaunch:
        assert progress.error
        assert progress.cause
        assert progress.cause.isprintable()
    assert (progress.attempt is not None) is (progress.action == "relaunch")
    assert (progress.action in ("relaunch", "completed", "failed")) is ended, "never ask for a job beside a running one"
    if progress.attempt:
        assert progress.attempt["number"] == 1


def anything(*parts: Any) -> Look:
    """A look at a job in any state; hypothesis calls it too often for fixtures."""
    status, secondary, last, training, stop, choice, first, reason = parts
    defaults = Defaults(dataset_prefix="dino-data", preset="test", instance_type="ml.g5.2xlarge", quality_gate={})
    job = described_job("job", status, secondary, FailureReason=reason)
    return Look(
        job=job,
        state={
            "name": "job",
            "run": 0,
            "choice": choice,
            "number": 0,
            "redrive_count": 0,
            "instance_types": ["ml.g5.2xlarge"],
            "spot": reason == "",
            "max_runtime_seconds": 600,
            "cost_before_usd": 0.0,
            "first_minutes": first,
            "stop": stop,
        },
        log=LogEnd(
            last_event=None if last is None else NOW + minutes(last),
            training=tuple(line(step, loss=loss, speed=speed) for step, loss, speed in training),
        ),
        checkpoints=Checkpoints(),
        request=parse_request({}, defaults),
        quote={
            "choices": [{"instance_types": ["ml.g5.2xlarge"]}, {"instance_types": ["ml.g6.xlarge"]}],
            "usd_per_hour": {"ml.g5.2xlarge": 1.515},
            "images_per_second": 2.7,
        },
        execution=Execution.from_context(context()),
        stall_limit=minutes(STALL_MINUTES),
        queue_limit=minutes(QUEUE_MINUTES),
        now=NOW,
    )
