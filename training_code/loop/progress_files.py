"""Writes beside the checkpoints what people see while the training runs: pictures, history.jsonl and metrics.json."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.atomic_write import write_atomically
from training_code.job.artifact import write_json, write_lines
from training_code.job.checkpoint_layout import HISTORY, METRICS, PICTURES, epoch_folder
from training_code.job.disk import disk_failures
from training_code.job.training_log import Picture
from training_code.loop.best_epoch import BestEpoch
from training_code.loop.training_progress import TrainingProgress


@dataclass(frozen=True, slots=True)
class ProgressFiles:
    """The files of one training; only the first process writes them."""

    folder: Path
    """The checkpoints'."""
    progress: TrainingProgress
    best: BestEpoch

    def write(self) -> None:
        """Write history.jsonl, and metrics.json once there was an evaluation.

        Raises:
            DiskError: one could not be written.
        """
        with disk_failures(self.folder):
            write_lines(self.folder / HISTORY, self.progress.history())
            if self.best.evaluation is not None:
                write_json(self.folder / METRICS, self.best.evaluation | {"evaluations": self.progress.evaluations})

    def write_pictures(self, pictures: Sequence[Picture], *, epoch: int) -> None:
        """Write the pictures of `epoch` (from 1).

        Raises:
            DiskError: one could not be written.
        """
        folder = self.folder / PICTURES / epoch_folder(epoch)
        with disk_failures(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for picture in pictures:
                write_atomically(folder / f"{picture.name}.png", picture.png)
