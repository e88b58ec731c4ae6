"""Judges a job's first minutes by four criteria: no error, a falling loss, no NaN, memory enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.errors import FirstMinutesFailed
from pipeline.job.checkpoints import Checkpoints
from pipeline.job.log import LogEnd
from training_code.job.health import JUDGED_STEPS


def judge_first_minutes(job: Mapping[str, Any], checkpoints: Checkpoints, log: LogEnd) -> FirstMinutesFailed | bool:
    """True once they are passed, False while that cannot be told, or the error to stop the job with.

    The trainer judges itself, as soon as it has trained for ten minutes (its setting health_minutes). A run that ended
    with an error ends its job itself, and says why better than a stop could.
    """
    health, written = checkpoints.health, checkpoints.health_written
    if health is None or written is None or written < job["CreationTime"]:  # an earlier job's, of the same run
        return False
    if health.status == "healthy":
        return True
    at_its_end = bool(log.training) and log.training[-1].step >= log.training[-1].steps
    if (
        health.status == "undecided"
        or health.steps < JUDGED_STEPS
        or "no_error" not in health.passed
        or at_its_end  # what it is worth then is for the gate to say
        or job.get("SecondaryStatus") != "Training"
    ):
        return False
    return FirstMinutesFailed(
        f"The training job {job['TrainingJobName']} was stopped after its first {health.seconds / 60:.0f} minutes "
        f"({health.steps:,} steps): {' '.join(health.failed_messages)} What held: {' '.join(health.passed_messages)}"
    )
