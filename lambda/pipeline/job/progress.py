"""Decides by a snapshot of a training job what follows: wait, stop it, launch it again, judge its model, or fail."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pipeline.errors import LaunchFailed, PipelineError, TrainingFailed
from pipeline.job.description import (
    QUEUED,
    error_of,
    failed_in_sagemaker,
    has_completed,
    has_ended,
    lacked_capacity,
    queued_since,
    status_began,
)
from pipeline.job.first_minutes import judge_first_minutes
from pipeline.job.launched_job import Attempt, StopReason
from pipeline.job.snapshot import JobSnapshot
from training_code.training_settings import lower_learning_rate

Action = Literal["wait", "first_minutes_passed", "first_minutes_failed", "stop", "relaunch", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`$.watch`: what Watch saw and decided."""

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
    attempt: Attempt | None = None
    """For "relaunch": what Launch is to start."""
    artifact_uri: str | None = None
    """For "completed": model.tar.gz. Of another job it holds no model, which the trainer writes last."""
    billable_seconds: int
    """As billed, or while it runs the seconds on an instance: an upper bound for spot."""
    cost_usd: float
    counted_usd: float = 0.0
    """What of it the metric of what was spent has."""
    execution_cost_usd: float
    """The cost so far of this job and the execution's earlier ones."""
    projected_usd: float | None
    """The cost of the execution's jobs up to the end of this one, on demand; None while it cannot be told."""
    images_per_second: float | None
    quoted_images_per_second: float | None
    quiet_seconds: int | None
    """Since the last sign of life (job/snapshot.py); None while it has no instance."""
    checkpoint_age_seconds: int | None
    """Since the last checkpoint; None if there is none."""
    health: str | None
    """The status in the trainer's health.json; None until it has judged itself."""

    @property
    def stop_reason(self) -> StopReason:
        """For Stop to keep."""
        return StopReason(error=self.error, cause=self.cause, relaunch=self.relaunch)


def judge_progress(snapshot: JobSnapshot) -> Progress:
    """What the state machine does next."""
    decided = _after_end(snapshot) if has_ended(snapshot.description) else _while_running(snapshot)
    return Progress(
        action=decided.action,
        status=snapshot.description["TrainingJobStatus"],
        secondary_status=snapshot.description.get("SecondaryStatus", ""),
        sentence=_sentence(snapshot),
        error=decided.error,
        cause=decided.cause,
        relaunch=decided.relaunch,
        attempt=decided.attempt,
        artifact_uri=_artifact_uri(snapshot.description) if decided.action == "completed" else None,
        billable_seconds=snapshot.billable_seconds,
        cost_usd=snapshot.cost_usd,
        execution_cost_usd=round(snapshot.job.cost_before_usd + snapshot.cost_usd, 2),
        projected_usd=snapshot.projected_usd,
        images_per_second=snapshot.images_per_second,
        quoted_images_per_second=snapshot.quote.images_per_second,
        quiet_seconds=snapshot.quiet_seconds,
        checkpoint_age_seconds=snapshot.checkpoint_age_seconds,
        health=snapshot.health,
    )


@dataclass(frozen=True, slots=True)
class _Decision:
    action: Action
    error: str | None = None
    cause: str | None = None
    relaunch: bool = False
    attempt: Attempt | None = None


def _after_end(snapshot: JobSnapshot) -> _Decision:
    job, stop = snapshot.description, snapshot.job.stop
    # Even if it was told to stop: it completed before.
    if has_completed(job, snapshot.execution.region) and (stop is None or _artifact_uri(job) is not None):
        return _after_completion(snapshot)
    if stop is not None and stop.relaunch:
        return _Decision("relaunch", attempt=snapshot.next_choice or snapshot.same_choice)
    if stop is not None:
        return _Decision("failed", stop.error, stop.cause)
    attempt = _attempt_after_loss(snapshot)
    if attempt is not None:
        return _Decision("relaunch", attempt=attempt)
    error = error_of(job, snapshot.execution.region)
    return _Decision("failed", type(error).__name__, str(error))


def _attempt_after_loss(snapshot: JobSnapshot) -> Attempt | None:
    """What follows a job that was lost through no fault of its own; None if nothing does."""
    if snapshot.execution.redrive_count > snapshot.job.redrive_count:
        # Redriven while the job trained, after an abort had stopped it: go on from its checkpoints.
        return snapshot.same_choice
    if lacked_capacity(snapshot.description):
        return snapshot.next_choice
    if failed_in_sagemaker(snapshot.description) and snapshot.has_saved:  # else each job might fail at the same
        return snapshot.same_choice
    return None


def _after_completion(snapshot: JobSnapshot) -> _Decision:
    if _artifact_uri(snapshot.description) is not None:
        return _Decision("completed")
    if snapshot.job.spot:  # interrupted before there was anything to upload
        return _Decision("relaunch", attempt=snapshot.same_choice)
    cause = f"The training job {snapshot.job.name} completed without a model. Look at its log, then start again."
    return _Decision("failed", TrainingFailed.__name__, cause)


def _artifact_uri(job: Mapping[str, Any]) -> str | None:
    uri: str | None = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    return uri


def _while_running(snapshot: JobSnapshot) -> _Decision:
    if snapshot.description["TrainingJobStatus"] == "Stopping":
        return _Decision("wait")
    stop = snapshot.job.stop
    if stop is not None:  # told to stop, but not stopping yet: tell it again
        return _Decision("stop", stop.error, stop.cause, relaunch=stop.relaunch)
    for found in (_not_finite(snapshot), _queued_too_long(snapshot), _stalled(snapshot), _over_budget(snapshot)):
        if found is not None:
            return found
    if snapshot.job.first_minutes == "open":
        passed = judge_first_minutes(snapshot.description, snapshot.checkpoints, snapshot.log)
        if isinstance(passed, PipelineError):
            return _Decision("first_minutes_failed", type(passed).__name__, str(passed))
        if passed:
            return _Decision("first_minutes_passed")
    return _Decision("wait")


def _not_finite(snapshot: JobSnapshot) -> _Decision | None:
    """For a trainer that went on: it ends by itself at the first such loss (training_code/loop/non_finite.py)."""
    if not snapshot.log.training:
        return None
    last = snapshot.log.training[-1]
    loss = last.figures["loss"]
    if math.isfinite(loss):
        return None
    training = snapshot.request.stages[snapshot.job.stage].training
    cause = (
        f"The training job {snapshot.job.name} was stopped: NAN_LOSS: its loss at step {last.step:,} of "
        f"{last.steps:,} is {loss}. Look at the boxes of the data set, or start again with "
        f"a lower learning rate, such as {lower_learning_rate(training)}."
    )
    return _Decision("stop", TrainingFailed.__name__, cause)


def _queued_too_long(snapshot: JobSnapshot) -> _Decision | None:
    """The last choice may wait as long as it may train; for spot, SageMaker's MaxWaitTimeInSeconds ends the wait."""
    waited = snapshot.now - queued_since(snapshot.description)
    if snapshot.description.get("SecondaryStatus") not in QUEUED:
        return None
    waits = (
        f"The training job {snapshot.job.name} has waited for {' or '.join(snapshot.job.instance_types)} for "
        f"{_minutes(waited)} minutes, more than"
    )
    if snapshot.next_choice is not None and waited > snapshot.settings.queue_limit:
        cause = f"{waits} {_minutes(snapshot.settings.queue_limit)}: the next choice is taken."
        return _Decision("stop", cause=cause, relaunch=True)
    longest = timedelta(seconds=snapshot.job.max_runtime_seconds)
    if snapshot.next_choice is None and not snapshot.job.spot and waited > longest:
        cause = f"{waits} the {_minutes(longest)} that it may train. Redrive later, or start again with more types."
        return _Decision("stop", LaunchFailed.__name__, cause)
    return None


def _stalled(snapshot: JobSnapshot) -> _Decision | None:
    quiet = snapshot.quiet_seconds
    if quiet is None or quiet <= snapshot.settings.stall_limit.total_seconds():
        return None
    last = (
        f"its last figures were those of step {snapshot.step}" if snapshot.log.training else "it never showed figures"
    )
    cause = (
        f"The training job {snapshot.job.name} was stopped: for {_minutes(timedelta(seconds=quiet))} minutes (at most "
        f"{_minutes(snapshot.settings.stall_limit)}) it neither wrote to its log nor saved a checkpoint while it was "
        f"{snapshot.description.get('SecondaryStatus')}; {last}. Redrive: it continues from the last checkpoint."
    )
    return _Decision("stop", "TrainingStalled", cause)


def _over_budget(snapshot: JobSnapshot) -> _Decision | None:
    projected, cap = snapshot.projected_usd, snapshot.request.max_cost_usd
    if projected is None or projected <= cap:
        return None
    cause = (
        f"The training job {snapshot.job.name} was stopped: at {snapshot.images_per_second:.3g} images/s, step "
        f"{snapshot.step}, the run would cost about {projected:.2f} USD, over its cap of {cap:.2f} USD. Start again "
        "with a higher max_cost_usd, fewer epochs or a faster instance type."
    )
    return _Decision("stop", "OverBudget", cause)


def _minutes(span: timedelta) -> str:
    """With one decimal, unless it is 0."""
    return f"{round(span.total_seconds() / 60, 1):g}"


def _sentence(snapshot: JobSnapshot) -> str:
    parts = [snapshot.description.get("SecondaryStatus") or snapshot.description["TrainingJobStatus"]]
    if not has_ended(snapshot.description) and not snapshot.log.training:
        parts[0] += f" for {_minutes(snapshot.now - status_began(snapshot.description))} minutes"
    if snapshot.log.training:
        last = snapshot.log.training[-1]
        parts.append(f"step {snapshot.step} in epoch {last.epoch}, loss {last.figures['loss']:.4g}")
    speed, quoted = snapshot.images_per_second, snapshot.quote.images_per_second
    if speed is not None:
        parts.append(f"{speed:.3g} images/s" + f" (quoted: {quoted:.3g})")
    if snapshot.quiet_seconds is not None:
        parts.append(f"last sign of life {snapshot.quiet_seconds} s ago")
    if snapshot.checkpoint_age_seconds is not None:
        parts.append(f"last checkpoint {_minutes(timedelta(seconds=snapshot.checkpoint_age_seconds))} minutes ago")
    if snapshot.health is not None:
        parts.append(f"health {snapshot.health}")
    if snapshot.cost_of_last_epochs is not None:
        parts.append(snapshot.cost_of_last_epochs)
    projected = snapshot.projected_usd
    whole = "" if projected is None else f" of about {projected:.2f} USD"
    parts.append(
        f"{snapshot.job.cost_before_usd + snapshot.cost_usd:.2f}{whole or ' USD'} so far, "
        f"cap {snapshot.request.max_cost_usd:.2f} USD"
    )
    return ", ".join(parts) + "."
