"""Judges a job's first minutes by four criteria: no error, a sound loss, no NaN, enough memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.errors import FirstMinutesFailed
from pipeline.job.checkpoint_folder import CheckpointFolder
from pipeline.job.log import LogEnd
from training_code.job.health import JUDGED_STEPS


def judge_first_minutes(
    job: Mapping[str, Any], checkpoints: CheckpointFolder, log: LogEnd
) -> FirstMinutesFailed | bool:
    """True once they are passed, False while that cannot be told, or the error to stop the job with.

    The trainer judges itself once it has trained for ten minutes (its setting health_minutes). After an error it ends
    its job itself and gives the reason better than a stop could.
    """
    health, written = checkpoints.health, checkpoints.health_written
    if health is None or written is None or written < job["CreationTime"]:  # an earlier job's of the same stage
        return False
    if health.status == "healthy":
        return True
    at_its_end = bool(log.training) and log.training[-1].step >= log.training[-1].steps
    if (
        health.status == "undecided"
        or health.steps < JUDGED_STEPS
        or "no_error" not in health.passed
        or at_its_end  # then the gate decides
        or job.get("SecondaryStatus") != "Training"
    ):
        return False
    return FirstMinutesFailed(
        f"The training job {job['TrainingJobName']} was stopped after its first {health.seconds / 60:.0f} minutes "
        f"({health.steps:,} steps): {' '.join(health.failed_messages)} What held: {' '.join(health.passed_messages)}"
    )
