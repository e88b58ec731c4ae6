"""Memory: a batch as large as any runs first, so that memory runs out in the first minute or never."""

import ctypes
import dataclasses
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch

from dataset_contract.out_of_memory import is_out_of_memory
from training_code.config import TrainingConfig
from training_code.data.augmentation import largest_augmented_size
from training_code.data.batches import LoadedBatch
from training_code.data.plan_dataset import PlanDataset
from training_code.job.failures import MemoryExhaustedError
from training_code.loop.training_step import TrainingStep
from training_code.training_settings import as_request


def worst_case_batch(dataset: PlanDataset, num_labels: int, batch_size: int) -> LoadedBatch:
    """A batch of noise with the largest height and width that any batch can have, and the most boxes in each image."""
    config = dataset.config
    width, height = largest_augmented_size(((width, height) for width, height in dataset.sizes.tolist()), config)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (batch_size, 3, height, width), dtype=torch.uint8, generator=generator)
    mask = torch.zeros(batch_size, height, width, dtype=torch.bool)
    boxes = torch.rand(dataset.most_boxes, 4, generator=generator) * 0.5 + 0.25
    labels = torch.randint(num_labels, (dataset.most_boxes,), generator=generator)
    return LoadedBatch(pixels, mask, [{"labels": labels, "boxes": boxes}] * batch_size, [])


def try_worst_case(training: TrainingStep, dataset: PlanDataset, step: int) -> str:
    """Let memory run out before update number `step` or never; the model stays as it is. Returns a line for the log."""
    model = training.model
    batch = worst_case_batch(dataset, model.config.num_classes, dataset.config.images_at_once)
    training.accumulate([batch.to(next(model.parameters()).device)], step)
    training.optimiser.zero_grad(set_to_none=True)
    height, width = batch.pixels.shape[2:]
    boxes = dataset.most_boxes
    return f"The largest batch fits: {len(batch.pixels)} images of {width}x{height} with {boxes} boxes each."


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, as PyTorch does on a GPU: the next update needs it again.

    glibc would return it to the kernel, which clears it before it is used again: a tenth of a small model's update.
    Other C libraries have no such setting. Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_TRIM_THRESHOLD, -1)  # never
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)  # the most that it takes; above, each tensor has pages of its own


SHARED_MEMORY = "/dev/shm"  # noqa: S108  no temporary file of ours
"""Where workers put their batches."""


def with_fitting_workers(
    config: TrainingConfig, sizes: Iterable[tuple[int, int]], *, processes: int, log_line: Callable[[str], None]
) -> TrainingConfig:
    """`config` with as many workers as shared memory has room for; `log_line` tells if they are fewer.

    `sizes` are the (width, height) of all images, `processes` those that train on this machine.
    """
    if not config.workers:
        return config
    width, height = largest_augmented_size(sizes, config)
    batch = config.images_at_once * width * height * (3 + 1)  # three colours, and the mask
    free = _free_shared_memory()
    batches = (free / processes - 2**20) / batch  # less what queues and small tensors take
    fitting = max(0, math.floor(min(config.workers, batches / 2 - 1)))  # two batches a worker, and two on their way
    if fitting == config.workers:
        return config
    log_line(
        f"warning: {SHARED_MEMORY} has {free / 2**20:.0f} MiB free, too little for the batches of {config.workers}"
        f" workers: {fitting or 'no'} workers read the images{'' if fitting else ', but the training process itself'}."
    )
    return dataclasses.replace(config, workers=fitting)


def _free_shared_memory() -> int:
    """In bytes; without limit where shared memory has no folder, as on macOS."""
    try:
        status = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 0 if sys.platform == "linux" else sys.maxsize
    return 0 if status.f_flag & os.ST_RDONLY else status.f_bavail * status.f_frsize


@contextmanager
def memory_failures(config: TrainingConfig) -> Iterator[None]:
    """Turn "out of memory", whatever its words, into a MemoryExhaustedError that says what to change."""
    try:
        yield
    except (ImportError, MemoryError, OSError, RuntimeError, SystemError) as error:
        if _worker_was_ended(error, "Killed"):
            lack, change = ", and a process that reads images was ended", as_request(workers=config.workers // 2)
        elif _is_out_of_shared_memory(error):
            lack, change = f" ({SHARED_MEMORY} is full)", as_request(workers=config.workers // 2)
        elif is_out_of_memory(error):
            lack, change = "", _smaller(config)
        else:
            raise
        raise MemoryExhaustedError(
            f"the memory does not suffice{lack}; start again on an instance type with more, or with {change}."
        ) from error


def _worker_was_ended(error: Exception, signal: str) -> bool:
    """The kernel ends a worker when the machine's memory runs out ("Killed"), or shared memory does ("Bus error")."""
    text = f"{error} {error.__cause__}"  # the loader may wrap what its handler of SIGCHLD raised
    return "DataLoader worker" in text and f"by signal: {signal}" in text


def _is_out_of_shared_memory(error: Exception) -> bool:
    """What a worker says, or the loader of one that was ended, that has no room for its batch."""
    if _worker_was_ended(error, "Bus error"):
        return True
    return "torch_" in str(error) and any(sign in str(error) for sign in ("unable to write", "unable to open", "shm"))


def _smaller(config: TrainingConfig) -> str:
    """The settings that save memory at the least cost, as the part of a request."""
    batch = config.images_at_once
    if batch > 1:
        half = batch // 2
        steps = -(-config.accumulation_steps * batch // half)
        return as_request(batch_size=half, accumulation_steps=steps)
    if not config.activation_checkpointing:
        return as_request(activation_checkpointing=True)
    sides = list(dict.fromkeys(max(32, side * 3 // 4) for side in config.image_short_sides))
    return as_request(image_short_sides=sides, image_max_side=max(32, config.image_max_side * 3 // 4))
