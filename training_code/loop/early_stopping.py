"""Ends a training whose F1 no longer rises, with a last part at a low learning rate, as its schedule has one.

The first time that `patience` runs out, the schedule's drop is brought forward, and the epochs that the schedule
foresees after it follow; the second time, training ends. Only the evaluations so far count, so that all processes of a
job decide the same, and so does a job that goes on after an interruption.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training_code.config import TrainingConfig
from training_code.loop.optimisation import DROP_AFTER

LEAST_GAIN = 0.001
"""What mean F1 must gain to count as better: less than a tenth of a point is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """When a training ends, as far as its evaluations tell."""

    last_epoch: int
    """The number of epochs after which it ends."""
    early_drop_epoch: int | None = None
    """The number of epochs after which the learning rate drops, where that is before the schedule's."""
    sentence: str = ""
    """The last decision, for people; empty while all goes as scheduled."""


def ending_of(evaluations: Sequence[Mapping[str, Any]], config: TrainingConfig) -> Ending:
    """What follows from `evaluations`, each with its epoch and mean_f1, in their order."""
    ending = Ending(last_epoch=config.epochs)
    if config.patience is None:
        return ending
    scheduled = int(config.epochs * DROP_AFTER) if config.lr_drop_epoch is None else config.lr_drop_epoch
    best, best_epoch, drop = -1.0, 0, scheduled
    for evaluation in evaluations:
        epoch = evaluation["epoch"]
        if evaluation["mean_f1"] > best + LEAST_GAIN:
            best, best_epoch = evaluation["mean_f1"], epoch
        waited = epoch - max(best_epoch, drop if epoch >= drop else 0)  # a drop is a new chance
        level = f"o better F1 on the validation split for {waited} epochs (it was {best:.4f} after epoch {best_epoch})"
        stopped = f"Stopped after epoch {epoch} of {config.epochs}: "
        if epoch < drop < config.epochs and waited >= config.patience:
            drop = epoch
            last = epoch + config.epochs - scheduled
            dropped = (
                f"the learning rate drops after epoch {drop} instead of {scheduled}, and training ends after epoch"
            )
            ending = Ending(
                last_epoch=last, early_drop_epoch=drop, sentence=f"N{level}: {dropped} {last} at the latest."
            )
        elif waited >= config.patience:
            return Ending(last_epoch=epoch, early_drop_epoch=ending.early_drop_epoch, sentence=f"{stopped}n{level}.")
        elif epoch == ending.last_epoch < config.epochs:
            early = f"the learning rate had dropped after epoch {drop} instead of {scheduled}."
            return Ending(last_epoch=epoch, early_drop_epoch=drop, sentence=f"{stopped}{early}")
    return ending
