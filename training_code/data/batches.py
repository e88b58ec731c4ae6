"""Batches of plans: their order, which depends on seed and epoch only, and their loading."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, get_worker_info

from prediction.backends.torch_images import normalised_on
from training_code.config import TrainingConfig
from training_code.data.augmentation import draw_quarter_turns
from training_code.data.plan_dataset import Example, PlanDataset, Sample
from training_code.dino.host_data import to_device
from training_code.job.failures import DataError

WINDOW = 50
"""Batches within which images are sorted by their shape, so that a batch holds similar ones."""

DEAD_WORKER_SECONDS = 5.0
"""How much later than its broken connection the signal of a worker's end may come."""


class Batch(NamedTuple):
    """B images with their boxes, on the device that trains."""

    images: Tensor
    """(B, 3, H, W), normalised, padded with 0."""
    mask: Tensor | None
    """(B, H, W), True on padding; None if no image is padded."""
    targets: list[dict[str, Tensor]]
    """Per image: labels (N,) and boxes (N, 4) cxcywh in shares of the image."""
    positions: list[int]
    """Indices into the split."""


class LoadedBatch(NamedTuple):
    """A Batch as it is read: on the host, its images in 8 bits."""

    pixels: Tensor
    """(B, 3, H, W), uint8."""
    mask: Tensor | None
    targets: list[dict[str, Tensor]]
    positions: list[int]

    def to(self, device: torch.device) -> Batch:
        """The batch on `device`, where its images are normalised."""
        counts = [len(target["labels"]) for target in self.targets]
        labels, boxes = (
            to_device(torch.cat([target[key] for target in self.targets]), device).split(counts)  # type: ignore[no-untyped-call]
            for key in ("labels", "boxes")
        )
        targets = [{"labels": each, "boxes": its_boxes} for each, its_boxes in zip(labels, boxes, strict=True)]
        mask = None if self.mask is None else self.mask.to(device, non_blocking=True)
        return Batch(normalised_on(device, self.pixels, mask), mask, targets, self.positions)


def steps_per_epoch(images: int, config: TrainingConfig, world_size: int) -> int:
    """Updates that one pass takes; the last one is filled up from the start of the order, so no image is left out."""
    return -(-images // (config.images_at_once * config.accumulation_steps * world_size))


def epoch_order(
    sizes: Sequence[Sequence[int]], config: TrainingConfig, *, epoch: int, world_size: int
) -> list[list[int]]:
    """The positions of each update's images in `epoch`, for all processes together.

    `sizes` are the (width, height) of the split's images; with quarter turns only how oblong they are counts.
    """
    rng = np.random.default_rng([config.seed, epoch])
    steps = steps_per_epoch(len(sizes), config, world_size)
    group = config.images_at_once * config.accumulation_steps * world_size
    order = np.resize(rng.permutation(len(sizes)), steps * group)
    shape = np.array([width / height for width, height in sizes])
    if config.quarter_turns:
        shape = np.maximum(shape, 1 / shape)
    for start in range(0, len(order), WINDOW * group):
        window = order[start : start + WINDOW * group]
        order[start : start + WINDOW * group] = window[np.argsort(shape[window], kind="stable")]
    groups = order.reshape(steps, group)
    return [[int(position) for position in groups[index]] for index in rng.permutation(steps)]


class EpochBatchSampler(Sampler[list[Sample]]):
    """The batches of one process in one epoch, from `first_step` on: accumulation_steps batches an update."""

    def __init__(
        self, dataset: PlanDataset, *, epoch: int, first_step: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        config = dataset.config
        order = epoch_order(dataset.sizes.tolist(), config, epoch=epoch, world_size=world_size)
        portrait = dataset.sizes[:, 1] > dataset.sizes[:, 0]
        turns = draw_quarter_turns(portrait[np.array(order)], config, epoch=epoch)
        self._batches: list[list[Sample]] = []
        for step, (group, its_turns) in enumerate(zip(order, turns.tolist(), strict=True)):
            rng = np.random.default_rng([config.seed, epoch, step, 1])
            for part in range(config.accumulation_steps):
                short_side = int(rng.choice(config.image_short_sides))
                start = (part * world_size + rank) * config.images_at_once
                if step >= first_step:
                    part_of_group = slice(start, start + config.images_at_once)
                    turned = zip(group[part_of_group], its_turns[part_of_group], strict=True)
                    self._batches.append([Sample(position, epoch, short_side, turn) for position, turn in turned])

    def __iter__(self) -> Iterator[list[Sample]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class EvaluationBatchSampler(Sampler[list[Sample]]):
    """Every `world_size`-th image from `rank` on, each by itself, at the size of prediction."""

    def __init__(self, dataset: PlanDataset, *, rank: int = 0, world_size: int = 1) -> None:
        short_side = dataset.config.prediction_short_side
        self._batches = [[Sample(position, 0, short_side)] for position in range(rank, len(dataset), world_size)]

    def __iter__(self) -> Iterator[list[Sample]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class BatchLoader:
    """Reads batches of one split. Its workers start with the first pass, and live until close()."""

    def __init__(self, dataset: PlanDataset, *, pin_memory: bool) -> None:
        self.dataset = dataset
        self._pass = _Pass()
        self._loader: DataLoader[LoadedBatch | DataError] = DataLoader(
            dataset,  # type: ignore[arg-type]  # the items are collated to batches
            batch_sampler=self._pass,
            collate_fn=_collate,
            num_workers=dataset.config.workers,
            persistent_workers=dataset.config.workers > 0,
            pin_memory=pin_memory,
            generator=torch.Generator(),  # else the loader would draw from the model's random numbers
        )

    def read(self, sampler: Sampler[list[Sample]]) -> Iterator[LoadedBatch]:
        """The batches of `sampler`. One pass at a time: what is left of one that was begun before is not read.

        Raises:
            DataError: an image cannot be read.
            RuntimeError: a worker was ended, by which signal. Between two passes, too, and then wherever the code is.
        """
        self._pass.sampler = sampler
        try:
            for batch in self._loader:
                if isinstance(batch, DataError):
                    raise batch
                yield batch
        except (ConnectionError, EOFError):  # a worker ended; the loader's handler of SIGCHLD will raise why
            time.sleep(DEAD_WORKER_SECONDS)
            raise

    def close(self) -> None:
        """End the workers. PyTorch's own way would be to forget all that refers to them, tracebacks as well."""
        if self._loader._iterator is not None:
            self._loader._iterator._shutdown_workers()  # type: ignore[attr-defined]


class _Pass(Sampler[list[Sample]]):
    """What the loader, which takes one sampler for good, is to read next."""

    sampler: Iterable[list[Sample]] = ()

    def __iter__(self) -> Iterator[list[Sample]]:
        return iter(self.sampler)


def pad_to_batch(images: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Images (3, H_i, W_i) as one tensor (B, 3, H, W) padded with 0, and the mask (B, H, W) that is True on padding.

    There is no mask where all images have one size.
    """
    if len({image.shape for image in images}) == 1:
        return torch.stack(list(images)), None
    height, width = max(image.shape[1] for image in images), max(image.shape[2] for image in images)
    images_B3HW = images[0].new_zeros(len(images), 3, height, width)
    mask_BHW = torch.ones(len(images), height, width, dtype=torch.bool)
    for padded, mask, image in zip(images_B3HW, mask_BHW, images, strict=True):
        padded[:, : image.shape[1], : image.shape[2]] = image
        mask[: image.shape[1], : image.shape[2]] = False
    return images_B3HW, mask_BHW


def _collate(examples: Sequence[Example | DataError]) -> LoadedBatch | DataError:
    sound: list[Example] = []
    for example in examples:
        if isinstance(example, DataError):
            return example
        sound.append(example)
    pixels_B3HW, mask_BHW = pad_to_batch([example.pixels for example in sound])
    targets = [{"labels": example.labels, "boxes": example.boxes} for example in sound]
    if get_worker_info():  # here a lack of shared memory raises; in the queue's thread the batch would be lost
        for tensor in (pixels_B3HW, mask_BHW, *(value for target in targets for value in target.values())):
            if tensor is not None:
                tensor.share_memory_()  # type: ignore[no-untyped-call]  # PyTorch gives it no types
    return LoadedBatch(pixels_B3HW, mask_BHW, targets, [example.position for example in sound])
