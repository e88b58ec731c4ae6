"""Memory: a batch as large as any runs first, so that it runs out in the first minute or never, and says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from training_code.batches import Batch
from training_code.config import TrainingConfig
from training_code.failures import MemoryExhaustedError
from training_code.image_tensors import resized_size
from training_code.plan_images import PlanImages


def worst_case_batch(dataset: PlanImages, num_labels: int) -> Batch:
    """A batch of noise with the largest height and width that any batch can have, and the most boxes in each image."""
    config = dataset.config
    largest = max(config.image_short_sides)
    sizes = [resized_size((width, height), largest, config.image_max_side) for width, height in dataset.sizes.tolist()]
    width, height = max(size[0] for size in sizes), max(size[1] for size in sizes)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(config.batch_size, 3, height, width, generator=generator)
    mask = torch.zeros(config.batch_size, height, width, dtype=torch.bool)
    boxes = torch.rand(dataset.most_boxes, 4, generator=generator) * 0.5 + 0.25
    labels = torch.randint(num_labels, (dataset.most_boxes,), generator=generator)
    return Batch(images, mask, [{"labels": labels, "boxes": boxes}] * config.batch_size, [])


@contextmanager
def memory_failures(config: TrainingConfig) -> Iterator[None]:
    """Turn "out of memory" into a MemoryExhaustedError that says which setting to change."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _is_out_of_memory(error):
            raise
        raise MemoryExhaustedError(f"the memory does not suffice; {_advice(config)}.") from error


def _is_out_of_memory(error: RuntimeError) -> bool:
    """PyTorch has an own class for the GPU only; the CPU's allocator raises a plain RuntimeError."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _advice(config: TrainingConfig) -> str:
    if config.batch_size > 1:
        half = config.batch_size // 2
        steps = -(-config.accumulation_steps * config.batch_size // half)
        return f"set batch_size to {half} and accumulation_steps to {steps}"
    if not config.activation_checkpointing:
        return "set activation_checkpointing to true"
    return f"set image_max_side below {config.image_max_side} and image_short_sides accordingly, or take a larger GPU"
