"""Names the images behind a loss or a prediction that is not finite, and saves the batches of a loss."""

from collections.abc import Sequence
from pathlib import Path

import torch

from training_code.data.batches import LoadedBatch
from training_code.data.plan_dataset import PlanDataset
from training_code.job.disk import disk_failures
from training_code.job.distributed import DistributedContext
from training_code.job.failures import DiskError, NonFiniteLossError
from training_code.loop.step_figures import NonFiniteStepError
from training_code.training_settings import lower_learning_rate


def non_finite_failure(
    error: NonFiniteStepError,
    batches: Sequence[LoadedBatch],
    dataset: PlanDataset,
    distributed: DistributedContext,
    *,
    step: int,
    folder: Path,
) -> NonFiniteLossError:
    """The failure of update number `step` (from 1), with the images of each process whose loss is not finite.

    Every process calls this; the suspected ones save their batches in `folder`.
    """
    names = [dataset.file_name(position) for batch in batches for position in batch.positions]
    parts = distributed.gather((error.own_loss_is_finite, names))
    all_suspected = all(finite for finite, _ in parts)  # the gradient alone is not finite
    suspects = {name for finite, part in parts if all_suspected or not finite for name in part}
    saved = "is saved in output.tar.gz"
    if all_suspected or not error.own_loss_is_finite:
        try:
            with disk_failures(folder):
                folder.mkdir(parents=True, exist_ok=True)
                torch.save([batch._asdict() for batch in batches], folder / f"non_finite_batch_{distributed.rank}.pt")
        except DiskError:
            saved = f"could not be saved in {folder}"
    return NonFiniteLossError(
        f"the loss or its gradient at step {step} is not finite, and the weights were left as they were;"
        f" the batch {saved}, its images are {', '.join(sorted(suspects))}."
        " Look at their boxes, or start again with a lower learning rate, such as"
        f" {lower_learning_rate(dataset.config)}."
    )


def non_finite_prediction(dataset: PlanDataset, position: int) -> NonFiniteLossError:
    """The failure of an evaluation: no loss tells what the last update before it did to the weights."""
    return NonFiniteLossError(
        f"what the model predicts on {dataset.folder.name}/{dataset.file_name(position)} are no finite numbers,"
        " although the losses were: an update was too large. Start again with a lower learning rate, such as"
        f" {lower_learning_rate(dataset.config)}."
    )
