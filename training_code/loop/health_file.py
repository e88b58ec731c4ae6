"""Writes health.json: once while the job runs, and at its end."""

from collections.abc import Callable

from training_code.job.artifact import write_json
from training_code.job.distributed import DistributedContext
from training_code.job.health import JUDGED_STEPS, judge_health
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.loop.training_progress import TrainingProgress


class HealthFile:
    """The health of one training, written by the first process."""

    def __init__(
        self,
        paths: SageMakerPaths,
        progress: TrainingProgress,
        distributed: DistributedContext,
        *,
        needed_minutes: float,
        log_line: Callable[[str], None],
    ) -> None:
        # The one beside the checkpoints is in S3 while the job runs.
        self._paths = [folder / "health.json" for folder in (paths.model, paths.output_data, paths.checkpoints)]
        self._progress, self._distributed = progress, distributed
        self._needed_minutes, self._log_line = needed_minutes, log_line
        self._written = False

    def write_once_judgeable(self) -> None:
        """Write it as soon as there is enough to judge, so that nobody has to wait for the end of the job."""
        long_enough = self._progress.seconds >= self._needed_minutes * 60
        if not self._written and self._progress.step >= JUDGED_STEPS and long_enough:
            self.write()

    def write(self, failure: str | None = None) -> None:
        """Judge the training so far and write it; `failure` is the code of what ended the job."""
        self._written = True
        if not self._distributed.is_first:
            return
        losses, seconds = self._progress.history.column("loss"), self._progress.seconds
        health = judge_health(losses, seconds=seconds, needed_minutes=self._needed_minutes, failure=failure)
        for path in self._paths:
            write_json(path, health)
        self._log_line(f"Health: {health['status']}. " + " ".join(c["message"] for c in health["checks"].values()))
