"""What the benchmarks of a training step share: `room_wall` at its largest size, and batches of noise for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_map_only

from training_code.config import TrainingConfig
from training_code.dino.model import build_model
from training_code.job.distributed import DistributedContext
from training_code.loop.training_step import TrainingStep
from training_code.recipes import RECIPES

if TYPE_CHECKING:  # an earlier commit's side lacks them
    from training_code.data.batches import LoadedBatch
    from training_code.loop.step_figures import PendingFigures

SIZE = (800, 1333)
"""Rows and columns of the largest images."""
BOXES = 41
"""Of an image; CubiCasa5K's mean."""
CLASSES = 3


def full_step(device: torch.device, *, recipe: str = "room_wall", **settings: object) -> TrainingStep:
    """The recipe's model with fresh weights, and all that trains it with these settings."""
    config: TrainingConfig = replace(RECIPES[recipe].training, **settings)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = build_model(RECIPES[recipe].model.with_classes(CLASSES))
    return TrainingStep(model, config, DistributedContext(0, 1, device))


def noise(batch: int, size: tuple[int, int] = SIZE) -> LoadedBatch:
    """As the loader gives it to a GPU: on the host, in pinned memory where there is a GPU."""
    from training_code.data import batches  # noqa: PLC0415  an earlier commit's side has other ones

    pixels = torch.randint(256, (batch, 3, *size), dtype=torch.uint8)
    in_8_bits = hasattr(batches, "LoadedBatch")  # earlier loaders normalised
    kind: Any = batches.LoadedBatch if in_8_bits else batches.Batch
    made: LoadedBatch = kind(
        pixels if in_8_bits else pixels.float(),
        torch.zeros(batch, *size, dtype=torch.bool),
        [{"labels": torch.ones(BOXES, dtype=torch.int64), "boxes": torch.rand(BOXES, 4)} for _ in range(batch)],
        list(range(batch)),
    )
    if not torch.cuda.is_available():
        return made
    pinned: LoadedBatch = tree_map_only(torch.Tensor, lambda tensor: tensor.pin_memory(), made)
    return pinned


def update(training: TrainingStep, batch: LoadedBatch, step: int, device: torch.device) -> PendingFigures:
    """Move the batch to the device and learn from it."""
    return training.update([batch.to(device)], step, steps=10_000, steps_per_epoch=10_000)
