"""Measures what updates with the largest images take of a GPU's memory, on a model that is thrown away."""

import contextlib
import gc
import math
from collections.abc import Callable
from typing import NamedTuple, Self

import torch

from dataset_contract.out_of_memory import is_out_of_memory
from training_code.data.checked_dataset import CheckedDataset
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import build_model
from training_code.dino.sampling.choice import KernelError, choose
from training_code.job.distributed import DistributedContext
from training_code.job.hyperparameters import JobConfig
from training_code.loop.memory import worst_case_batch
from training_code.loop.training_step import TrainingStep

MARGIN = 0.1
"""Of the memory, to be left free: the allocator loses some between images of changing sizes."""


class MemoryUse(NamedTuple):
    """Of an update, on one GPU."""

    peak_bytes: float
    """Infinite if memory ran out."""
    usable_bytes: int
    """All that this process can have."""

    @property
    def ran_out(self) -> bool:
        """Whether there was too little."""
        return math.isinf(self.peak_bytes)

    @property
    def share(self) -> float:
        """Of what is usable; infinite if memory ran out."""
        return self.peak_bytes / self.usable_bytes

    @property
    def fits(self) -> bool:
        """Whether MARGIN is left."""
        return self.share <= 1 - MARGIN


Measure = Callable[[int], MemoryUse]
"""From images taken at once to the memory that they take; the same in every process of a job."""


class GpuMemory:
    """Tried updates in every process at once. On leaving its context, the memory is as it was."""

    def __init__(self, job: JobConfig, dataset: CheckedDataset, distributed: DistributedContext) -> None:
        config, self._distributed = job.training, distributed
        with contextlib.suppress(KernelError):  # the trainer tells it
            choose(config.deformable_attention, distributed.device)
        self._images = PlanDataset(dataset.root / "train", dataset.train, config, augmented=True)
        self._labels = dataset.num_classes
        model = build_model(
            job.model.with_classes(self._labels), activation_checkpointing=config.activation_checkpointing
        )
        # By itself: where memory runs out in one process, none must wait for it in an exchange of gradients.
        alone = DistributedContext(distributed.rank, 1, distributed.device)
        self._training = TrainingStep(model, config, alone)
        # DDP holds the gradients in buckets of its own, where a single process frees them between updates.
        gradients = sum(each.nbytes for each in model.parameters() if each.requires_grad)
        self._buckets = gradients if distributed.world_size > 1 else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        del self._training
        _release()

    def measure(self, batch_size: int) -> MemoryUse:
        """What an update takes of the GPU that is left with the least; the same in every process."""
        uses: list[MemoryUse] = self._distributed.gather(self._use(batch_size))
        return max(uses, key=lambda use: use.share)

    def _use(self, batch_size: int) -> MemoryUse:
        _release()
        device = self._distributed.device
        free, _ = torch.cuda.mem_get_info(device)
        usable = free + torch.cuda.memory_reserved(device)
        try:
            if not self._training.optimiser.state:
                # Allocates the optimiser's moments, which all later updates need beside their activations.
                self._update(1)
                torch.cuda.reset_peak_memory_stats(device)
            self._update(batch_size)
            return MemoryUse(torch.cuda.max_memory_allocated(device) + self._buckets, usable)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        self._training.optimiser.zero_grad(set_to_none=True)
        return MemoryUse(math.inf, usable)

    def _update(self, batch_size: int) -> None:
        batch = worst_case_batch(self._images, self._labels, batch_size).to(self._distributed.device)
        self._training.accumulate([batch], 0)
        self._training.optimiser.step()


def _release() -> None:
    """Free unused memory, so that the next measurement neither counts it nor finds the rest fragmented."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
