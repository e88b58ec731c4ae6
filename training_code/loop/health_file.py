"""Writes health.json: while the job runs, as soon as it can be judged, and at its end."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from training_code.job.artifact import write_json
from training_code.job.disk import disk_failures
from training_code.job.distributed import DistributedContext
from training_code.job.failures import DiskError
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
    from_scratch: bool
    log_line: Callable[[str], None]
    _next_step: float = field(default=0, init=False)
    """Before which it is not judged again while the job runs."""

    def write_once_judgeable(self) -> None:
        """Write it as soon as there is enough to judge, so that nobody has to wait for the end of the job.

        While the loss varies too much for that, there is with twice as many steps.
        """
        long_enough = self.progress.seconds >= self.needed_minutes * 60
        if self.progress.step >= max(JUDGED_STEPS, self._next_step) and long_enough:
            self._next_step = 2 * self.progress.step if self._write() == "undecided" else math.inf

    def write(self, failure: str | None = None) -> None:
        """Judge the training so far and write it; `failure` is the code of what ended the job."""
        self._write(failure)

    def _write(self, failure: str | None = None) -> str | None:
        """Its status, in the first process."""
        if not self.distributed.is_first:
            return None
        health = judge_health(
            self.progress.losses,
            seconds=self.progress.seconds,
            needed_minutes=self.needed_minutes,
            failure=failure,
            from_scratch=self.from_scratch,
        )
        # While the job runs, the one beside the checkpoints is in S3.
        for folder in (self.paths.model, self.paths.output_data, self.paths.checkpoints):
            try:
                with disk_failures(folder):
                    write_json(folder / "health.json", health)
            except DiskError as error:
                if failure is None:
                    raise
                self.log_line(str(error))  # the other failure came first
        self.log_line(f"Health: {health['status']}. " + " ".join(c["message"] for c in health["checks"].values()))
        return str(health["status"])
