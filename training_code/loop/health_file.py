"""Writes health.json: once while the job runs, and at its end."""

from collections.abc import Callable
from dataclasses import dataclass, field

from training_code.job.artifact import write_json
from training_code.job.distributed import DistributedContext
from training_code.job.health import JUDGED_STEPS, judge_health
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.loop.training_progress import TrainingProgress


@dataclass(slots=True)
class HealthFile:
    """The health of one training, written by the first process."""

    paths: SageMakerPaths
    progress: TrainingProgress
    distributed: DistributedContext
    needed_minutes: float
    log_line: Callable[[str], None]
    _written: bool = field(default=False, init=False)

    def write_once_judgeable(self) -> None:
        """Write it as soon as there is enough to judge, so that nobody has to wait for the end of the job."""
        long_enough = self.progress.seconds >= self.needed_minutes * 60
        if not self._written and self.progress.step >= JUDGED_STEPS and long_enough:
            self.write()

    def write(self, failure: str | None = None) -> None:
        """Judge the training so far and write it; `failure` is the code of what ended the job."""
        self._written = True
        if not self.distributed.is_first:
            return
        losses, seconds = self.progress.losses, self.progress.seconds
        health = judge_health(losses, seconds=seconds, needed_minutes=self.needed_minutes, failure=failure)
        for folder in (self.paths.model, self.paths.output_data, self.paths.checkpoints):
            write_json(folder / "health.json", health)  # in S3 while the job runs: the one beside the checkpoints
        self.log_line(f"Health: {health['status']}. " + " ".join(c["message"] for c in health["checks"].values()))
