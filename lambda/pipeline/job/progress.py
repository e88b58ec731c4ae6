"""What one look at a training job means for the run: go on waiting, stop it and why, take the next choice, or judge."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from pipeline.errors import LaunchFailed, PipelineError, TrainingFailed
from pipeline.job.first_minutes import judge_first_minutes
from pipeline.job.snapshot import Look
from pipeline.job.state import (
    QUEUED,
    ending,
    has_completed,
    has_ended,
    lacked_capacity,
    status_since,
)

Action = Literal["wait", "first_minutes_passed", "first_minutes_failed", "stop", "relaunch", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One look at a training job, as the state machine carries it."""

    action: Action
    status: str
    """TrainingJobStatus."""
    secondary_status: str
    sentence: str
    """How it goes, for people."""
    error: str | None = None
    """For "failed", "stop" and "first_minutes_failed": the name that the execution ends with."""
    cause: str | None = None
    """For these, and for a stop before "relaunch": what happened, with figures, and where to look."""
    relaunch: bool = False
    """For "stop": whether the next choice follows."""
    attempt: dict[str, int] | None = None
    """For "relaunch": what Launch is to start."""
    artifact_uri: str | None = None
    """For "completed": model.tar.gz. Of another job it holds no model, which the trainer writes last."""
    billable_seconds: int
    """As billed, or while it runs the seconds on an instance: an upper bound for spot."""
    cost_usd: float
    execution_cost_usd: float
    """With the execution's earlier jobs."""
    projected_usd: float | None
    """The execution's whole cost at the present speed, at the on-demand price; None while it cannot be told."""
    images_per_second: float | None
    quoted_images_per_second: float | None
    quiet_seconds: int | None
    """Since the last line of the log or the last checkpoint; None while it has no instance."""
    checkpoint_age_seconds: int | None
    """Since the last checkpoint; None if there is none."""
    health: str | None
    """The status in the trainer's health.json; None until it has judged itself."""

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it."""
        return asdict(self)


def judge_progress(look: Look) -> Progress:
    """What the state machine does next."""
    verdict = _end(look) if has_ended(look.job) else _course(look)
    return Progress(
        action=verdict.action,
        status=look.job["TrainingJobStatus"],
        secondary_status=look.job.get("SecondaryStatus", ""),
        sentence=_sentence(look),
        error=verdict.error,
        cause=verdict.cause,
        relaunch=verdict.relaunch,
        attempt=verdict.attempt,
        artifact_uri=look.job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
        if verdict.action == "completed"
        else None,
        billable_seconds=look.billable_seconds,
        cost_usd=look.cost_usd,
        execution_cost_usd=round(look.state["cost_before_usd"] + look.cost_usd, 2),
        projected_usd=look.projected_usd,
        images_per_second=look.images_per_second,
        quoted_images_per_second=look.quote.get("images_per_second"),
        quiet_seconds=look.quiet_seconds,
        checkpoint_age_seconds=look.checkpoint_age_seconds,
        health=look.health,
    )


@dataclass(frozen=True, slots=True)
class _Verdict:
    action: Action
    error: str | None = None
    cause: str | None = None
    relaunch: bool = False
    attempt: dict[str, int] | None = None


def _end(look: Look) -> _Verdict:
    """Of a job that has ended."""
    job, state, stop = look.job, look.state, look.state["stop"]
    end = ending(job, look.execution.region)
    if has_completed(job, look.execution.region):
        return _Verdict("completed")  # even if it was to be stopped: it was done before
    assert end is not None
    if stop is not None and stop["relaunch"]:
        return _Verdict("relaunch", attempt=look.next_choice or look.same_choice)
    if stop is not None:
        return _Verdict("failed", stop["error"], stop["cause"])
    if look.execution.redrive_count > state["redrive_count"]:
        # Redriven in the middle of its training, after an abort had stopped the job: go on from its checkpoints.
        return _Verdict("relaunch", attempt=look.same_choice)
    if lacked_capacity(job) and look.next_choice is not None:
        return _Verdict("relaunch", attempt=look.next_choice)
    return _Verdict("failed", type(end).__name__, str(end))


def _course(look: Look) -> _Verdict:
    """Of a job that goes on."""
    if look.job["TrainingJobStatus"] == "Stopping":
        return _Verdict("wait")
    stop = look.state["stop"]
    if stop is not None:  # told to stop, and has not begun to: tell it again
        return _Verdict("stop", stop["error"], stop["cause"], relaunch=stop["relaunch"])
    for found in (_not_finite(look), _queued_too_long(look), _stalled(look), _over_budget(look)):
        if found is not None:
            return found
    if look.state["first_minutes"] == "open":
        verdict = judge_first_minutes(look.job, look.checkpoints, look.log)
        if isinstance(verdict, PipelineError):
            return _Verdict("first_minutes_failed", type(verdict).__name__, str(verdict))
        if verdict:
            return _Verdict("first_minutes_passed")
    return _Verdict("wait")


def _not_finite(look: Look) -> _Verdict | None:
    if not look.log.training:
        return None
    last = look.log.training[-1]
    loss = last.figures["loss"]
    if math.isfinite(loss):
        return None
    cause = (
        f"The training job {look.state['name']} was stopped: NAN_LOSS: its loss at step {last.step:,} of "
        f"{last.steps:,} is {loss}. Look at the boxes of the data set, or lower "
        "learning_rate in training_code/recipes.py and deploy again."
    )
    return _Verdict("stop", TrainingFailed.__name__, cause)


def _queued_too_long(look: Look) -> _Verdict | None:
    """The last choice may wait as long as it may train: for spot SageMaker sees to that (MaxWaitTimeInSeconds)."""
    waited = look.now - status_since(look.job)
    if look.job.get("SecondaryStatus") not in QUEUED:
        return None
    said = (
        f"The training job {look.state['name']} has waited for {' or '.join(look.state['instance_types'])} for "
        f"{_minutes(waited)} minutes, more than"
    )
    if look.next_choice is not None and waited > look.queue_limit:
        cause = f"{said} {_minutes(look.queue_limit)}: the next choice is taken."
        return _Verdict("stop", cause=cause, relaunch=True)
    longest = timedelta(seconds=look.state["max_runtime_seconds"])
    if look.next_choice is None and not look.state["spot"] and waited > longest:
        cause = f"{said} the {_minutes(longest)} that it may train. Start again later, or with further instance_types."
        return _Verdict("stop", LaunchFailed.__name__, cause)
    return None


def _stalled(look: Look) -> _Verdict | None:
    quiet = look.quiet_seconds
    if quiet is None or quiet <= look.stall_limit.total_seconds():
        return None
    last = f"its last figures were those of step {look.step}" if look.log.training else "it never showed figures"
    cause = (
        f"The training job {look.state['name']} was stopped: for {_minutes(timedelta(seconds=quiet))} minutes (at most "
        f"{_minutes(look.stall_limit)}) it neither wrote to its log nor saved a checkpoint while it was "
        f"{look.job.get('SecondaryStatus')}; {last}."
    )
    return _Verdict("stop", "TrainingStalled", cause)


def _over_budget(look: Look) -> _Verdict | None:
    projected, cap = look.projected_usd, look.request.max_cost_usd
    if projected is None or projected <= cap:
        return None
    cause = (
        f"The training job {look.state['name']} was stopped: at {look.images_per_second:.3g} images/s, step "
        f"{look.step}, the run would cost about {projected:.2f} USD, over its cap of {cap:.2f} USD. Start again "
        "with a higher max_cost_usd, fewer epochs or a faster instance type."
    )
    return _Verdict("stop", "OverBudget", cause)


def _minutes(span: timedelta) -> str:
    """With one decimal, unless it is 0."""
    return f"{round(span.total_seconds() / 60, 1):g}"


def _sentence(look: Look) -> str:
    parts = [look.job.get("SecondaryStatus") or look.job["TrainingJobStatus"]]
    if look.log.training:
        last = look.log.training[-1]
        parts.append(f"step {look.step} in epoch {last.epoch}, loss {last.figures['loss']:.4g}")
    speed, quoted = look.images_per_second, look.quote.get("images_per_second")
    if speed is not None:
        parts.append(f"{speed:.3g} images/s" + (f" (quoted: {quoted:.3g})" if quoted else ""))
    if look.quiet_seconds is not None:
        parts.append(f"last sign of life {look.quiet_seconds} s ago")
    if look.checkpoint_age_seconds is not None:
        parts.append(f"last checkpoint {_minutes(timedelta(seconds=look.checkpoint_age_seconds))} minutes ago")
    if look.health is not None:
        parts.append(f"health {look.health}")
    projected = look.projected_usd
    whole = "" if projected is None else f" of about {projected:.2f} USD"
    parts.append(
        f"{look.state['cost_before_usd'] + look.cost_usd:.2f}{whole or ' USD'} so far, "
        f"cap {look.request.max_cost_usd:.2f} USD"
    )
    return ", ".join(parts) + "."
