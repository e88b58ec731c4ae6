"""Flip, resize and crop of an image together with its boxes (the paper's augmentation, appendix D).

TrainingConfig in training_code/config.py has the switches and sizes.

Boxes are (N, 4) float32 arrays of x0, y0, x1, y1 in pixels.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from prediction.image_tensors import resized_size
from training_code.config import TrainingConfig


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An RGB image, its boxes, and the category id of each box (N,)."""

    image: Image.Image
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def augment(
    labelled: LabelledImage, config: TrainingConfig, *, short_side: int, rng: np.random.Generator
) -> LabelledImage:
    """Flip half of the images, crop half of them, and resize to `short_side`.

    The paper draws the side per image; here a batch shares it, so that padding is small.
    """
    if config.horizontal_flip and rng.random() < 0.5:
        labelled = flip(labelled)
    if config.crop_short_sides and rng.random() < 0.5:
        before = int(rng.choice(config.crop_short_sides))
        labelled = resize(labelled, resized_size(labelled.image.size, before, config.image_max_side))
        labelled = crop(labelled, _random_window(labelled.image.size, config.crop_sides, rng))
    return resize(labelled, resized_size(labelled.image.size, short_side, config.image_max_side))


def flip(labelled: LabelledImage) -> LabelledImage:
    """Mirror left and right."""
    boxes = labelled.boxes.copy()
    boxes[:, [0, 2]] = labelled.image.width - labelled.boxes[:, [2, 0]]
    return replace(labelled, image=labelled.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), boxes=boxes)


def resize(labelled: LabelledImage, size: tuple[int, int]) -> LabelledImage:
    """Resize to `size` (width, height)."""
    if size == labelled.image.size:
        return labelled
    scale = np.array([size[0] / labelled.image.width, size[1] / labelled.image.height] * 2, dtype=np.float32)
    return replace(labelled, image=labelled.image.resize(size, Image.Resampling.BILINEAR), boxes=labelled.boxes * scale)


def crop(labelled: LabelledImage, window: tuple[int, int, int, int]) -> LabelledImage:
    """Cut out `window` (x0, y0, x1, y1); boxes are clipped to it, and those left without area are dropped."""
    x0, y0, x1, y1 = window
    boxes = labelled.boxes - np.array([x0, y0, x0, y0], dtype=np.float32)
    boxes = boxes.clip(0, np.array([x1 - x0, y1 - y0] * 2, dtype=np.float32))
    kept = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return LabelledImage(labelled.image.crop(window), boxes[kept], labelled.labels[kept])


def _random_window(
    size: tuple[int, int], sides: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """A window within `size` whose width and height are drawn from `sides`, as far as the image reaches."""
    width, height = (int(rng.integers(min(side, sides[0]), min(side, sides[1]) + 1)) for side in size)
    x0, y0 = int(rng.integers(0, size[0] - width + 1)), int(rng.integers(0, size[1] - height + 1))
    return x0, y0, x0 + width, y0 + height
