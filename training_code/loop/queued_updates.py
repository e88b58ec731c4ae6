"""The updates of an epoch, each queued when it is asked for: the GPU has work while the host reads the last figures."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from training_code.data.batches import BatchLoader, EpochBatchSampler, LoadedBatch, steps_per_epoch
from training_code.job.distributed import DistributedContext
from training_code.job.interruptions import StopRequest
from training_code.loop.step_figures import PendingFigures
from training_code.loop.training_progress import TrainingProgress
from training_code.loop.training_step import TrainingStep


class QueuedUpdate(NamedTuple):
    """An update that the device may still work on."""

    figures: PendingFigures
    batches: tuple[LoadedBatch, ...]
    waited: float
    """Seconds that it waited for them."""
    end: float
    """When it was queued, in seconds of training."""


def queued_updates(
    training: TrainingStep,
    loader: BatchLoader,
    progress: TrainingProgress,
    distributed: DistributedContext,
    stop: StopRequest,
    *,
    early_drop_epoch: int | None,
) -> Iterator[QueuedUpdate]:
    """What `progress` leaves of its epoch of what `loader` reads; `early_drop_epoch` is that of early_stopping.Ending.

    Raises:
        DataError: an image cannot be read.
    """
    split, device = loader.dataset, distributed.device
    config = split.config
    rank, world_size = distributed.rank, distributed.world_size
    of_epoch = steps_per_epoch(len(split), config, world_size)
    epoch, first_step = divmod(progress.step, of_epoch)
    sampler = EpochBatchSampler(split, epoch=epoch, first_step=first_step, rank=rank, world_size=world_size)
    loaded = loader.read(sampler)
    waiting = time.monotonic()
    for step, batches in enumerate(zip(*[loaded] * config.accumulation_steps, strict=True), start=progress.step):
        waited = time.monotonic() - waiting
        figures = training.update(
            [batch.to(device) for batch in batches],
            step,
            steps=of_epoch * config.epochs,
            steps_per_epoch=of_epoch,
            early_drop_epoch=early_drop_epoch,
            stop=lambda: stop.received,
        )
        yield QueuedUpdate(figures, batches, waited=waited, end=progress.seconds)
        waiting = time.monotonic()
