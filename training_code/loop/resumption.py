"""Goes on where an interrupted training stopped: from the newest checkpoint that the same training has saved."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training_code.job.checkpoints import load_newest_checkpoint, save_checkpoint
from training_code.job.distributed import DistributedContext
from training_code.job.failures import JobConfigError
from training_code.job.hyperparameters import JobConfig
from training_code.loop.best_epoch import BestEpoch
from training_code.loop.training_progress import TrainingProgress
from training_code.loop.training_step import TrainingStep
from training_code.model_config import ModelConfig

FREE_TO_CHANGE = {
    "workers",
    "cpu_threads",
    "log_steps",
    "checkpoint_epochs",
    "evaluation_epochs",
    "stall_minutes",
    "health_minutes",
    "activation_checkpointing",
    "torch_compile",
}
"""Settings that a resumed training may change, since they do not change what is learned but by rounding."""

FREE_WITHOUT_PATIENCE = {"evaluation_epochs"}
"""Of these, the ones that do where patience counts the evaluations."""


IMAGES = "images_per_update"
"""Of one process: what a fingerprint has of a batch that was measured."""


def images_per_update(folder: Path, log_line: Callable[[str], None]) -> int | None:
    """What each process took for an update, by the newest sound checkpoint; None without one, or if it was set."""
    state = load_newest_checkpoint(folder, log_line)
    return None if state is None else json.loads(state["fingerprint"]).get(IMAGES)


def fingerprint_of(model: ModelConfig, job: JobConfig, dataset_version: str, world_size: int) -> dict[str, Any]:
    """What must be the same for a training to go on from a checkpoint."""
    free = FREE_TO_CHANGE if job.training.patience is None else FREE_TO_CHANGE - FREE_WITHOUT_PATIENCE
    settings = {name: value for name, value in asdict(job.training).items() if name not in free}
    if job.batch_is_measured:  # where memory holds fewer at once, as many images make an update in more batches
        settings[IMAGES] = settings.pop("batch_size") * settings.pop("accumulation_steps")
    facts = {"dataset_version": dataset_version, "processes": world_size, "gate_classes": job.gate_classes}
    values: dict[str, Any] = json.loads(json.dumps(asdict(model) | settings | facts))
    return values


@dataclass(frozen=True, slots=True)
class Resumption:
    """The checkpoints of one training in a folder."""

    folder: Path
    fingerprint: Mapping[str, Any]
    training: TrainingStep
    progress: TrainingProgress
    best: BestEpoch
    distributed: DistributedContext

    def save(self) -> None:
        """Write a checkpoint, in the first process."""
        if self.distributed.is_first:
            state = self.training.state() | self.progress.state() | self.best.state()
            fingerprint = {"fingerprint": json.dumps(self.fingerprint)}
            save_checkpoint(self.folder, self.progress.step, state | fingerprint)

    def restore(self, log_line: Callable[[str], None]) -> bool:
        """Go on from the newest sound checkpoint; False if there is none.

        Raises:
            JobConfigError: it belongs to another configuration or data set, or another host has another one.
        """
        state = load_newest_checkpoint(self.folder, log_line)
        found = self.distributed.gather(state and state["step"])
        if len(set(found)) > 1:
            raise JobConfigError(
                f"The hosts of this job found checkpoints of different steps ({found}): give the job a new checkpoint"
                " location, or remove the newer checkpoints there."
            )
        if state is None:
            return False
        saved = json.loads(state["fingerprint"])
        for name, value in self.fingerprint.items():
            if saved.get(name) != value:
                raise JobConfigError(
                    f"The checkpoints in {self.folder} were made with {name} = {saved.get(name)}, but this job has"
                    f" {value}: give the job another checkpoint location, or the same {name}."
                )
        self.training.restore(state)
        self.progress.restore(state)
        self.best.restore(state)
        return True
