"""The images of one split with their boxes, read one by one as training and evaluation need them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from dataset_contract.coco import CocoDataset
from dataset_contract.out_of_memory import is_out_of_memory
from dataset_contract.read_problem import read_problem
from image_reader.decoding import open_image
from image_reader.header import ImageError
from prediction.image_tensors import pixels_of, resized_pixels
from training_code.config import TrainingConfig
from training_code.data.augmentation import augment
from training_code.data.geometry import LabelledImage
from training_code.job.failures import DataError


class Sample(NamedTuple):
    """Which image to take and how: all that its augmentation depends on, so that a resumed training sees the same."""

    position: int
    """Index into the split."""
    epoch: int
    short_side: int
    """Pixels; shared by a batch, so that padding is small."""
    quarter_turns: int = 0
    """By how many times 90 degrees it is turned, so that an update has images of one orientation."""


class Example(NamedTuple):
    """One image, resized as the model takes it."""

    pixels: Tensor
    """(3, H, W), uint8."""
    labels: Tensor
    """(N,) category ids."""
    boxes: Tensor
    """(N, 4) cx, cy, w, h as shares of the image."""
    position: int


class PlanDataset(Dataset[Example | DataError]):
    """One split. Holds NumPy arrays only: lists of objects make the memory of forked workers grow.

    Crowds are left out: they are not objects to learn.
    A broken image is returned as a DataError (not raised), so that its sentence leaves a worker unharmed.
    """

    def __init__(self, folder: Path, dataset: CocoDataset, config: TrainingConfig, *, augmented: bool) -> None:
        """`folder` is the split's; images come in the order of their ids."""
        images = sorted(dataset.images, key=lambda image: image.id)
        objects = [annotation for annotation in dataset.annotations if not annotation.iscrowd]
        annotations = sorted(objects, key=lambda annotation: (annotation.image_id, annotation.id))
        self.folder = folder
        self.config = config
        self.augmented = augmented
        self.category_ids = np.array([category.id for category in dataset.categories], dtype=np.int64)
        self.image_ids = np.array([image.id for image in images], dtype=np.int64)
        self.sizes = np.array([(image.width, image.height) for image in images], dtype=np.int64).reshape(-1, 2)
        self._names = np.array([image.file_name.encode() for image in images], dtype=np.bytes_)
        box_xywh = np.array([annotation.bbox for annotation in annotations], dtype=np.float32).reshape(-1, 4)
        self._boxes = np.concatenate([box_xywh[:, :2], box_xywh[:, :2] + box_xywh[:, 2:]], axis=1)
        self._labels = np.array([annotation.category_id for annotation in annotations], dtype=np.int64)
        owners = np.array([annotation.image_id for annotation in annotations], dtype=np.int64)
        self._starts = np.searchsorted(owners, self.image_ids, side="left")
        self._ends = np.searchsorted(owners, self.image_ids, side="right")

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def most_boxes(self) -> int:
        """Boxes of the fullest image."""
        return int((self._ends - self._starts).max(initial=0))

    def file_name(self, position: int) -> str:
        """Relative to the split's folder."""
        return str(self._names[position].decode())

    def __getitem__(self, sample: Sample) -> Example | DataError:
        try:
            return self.read(sample)
        except DataError as failure:
            return failure

    def read(self, sample: Sample) -> Example:
        """The image that `sample` says. Raises DataError if it cannot be read."""
        labelled = self._read(sample.position)
        if self.augmented:
            rng = np.random.default_rng([self.config.seed, sample.epoch, int(self.image_ids[sample.position])])
            labelled = augment(
                labelled,
                self.config,
                short_side=sample.short_side,
                quarter_turns=sample.quarter_turns,
                rng=rng,
            )
            pixels_3HW = pixels_of(labelled.image)
        else:
            pixels_3HW = resized_pixels(labelled.image, sample.short_side, self.config.image_max_side)
        return Example(
            torch.from_numpy(pixels_3HW),
            torch.from_numpy(labelled.labels),
            torch.from_numpy(_normalised_cxcywh(labelled)),
            sample.position,
        )

    def _read(self, position: int) -> LabelledImage:
        path = self.folder / self.file_name(position)
        try:
            image = open_image(path).convert("RGB")
        except (ImageError, OSError) as error:
            if is_out_of_memory(error.__cause__ or error):
                raise MemoryError(str(error)) from error  # the image was decoded when it was checked
            problem = error if isinstance(error, ImageError) else f"cannot be read ({read_problem(error)})"
            raise DataError(f"The image {path} {problem}; replace it and upload it again.") from None
        if image.size != tuple(self.sizes[position]):
            width, height = self.sizes[position]
            raise DataError(
                f"The image {path} is {image.width}x{image.height} pixels, but annotations.json says {width}x{height};"
                " prepare the data set again."
            )
        span = slice(self._starts[position], self._ends[position])
        return LabelledImage(image, self._boxes[span].copy(), self._labels[span].copy())


def _normalised_cxcywh(labelled: LabelledImage) -> npt.NDArray[np.float32]:
    """The boxes (N, 4) as centre and size in shares of the image."""
    xyxy = labelled.boxes / np.array([labelled.image.width, labelled.image.height] * 2, dtype=np.float32)
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
