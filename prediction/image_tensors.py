"""From images to what the model takes: resized pixels, and how they are normalised.

Shapes: H height, W width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from prediction.detection import Floats

if TYPE_CHECKING:
    from torch import Tensor

Pixels = npt.NDArray[np.uint8]
Numbers = TypeVar("Numbers", Floats, "Tensor")

MEAN = (0.485, 0.456, 0.406)
"""ImageNet's mean of red, green and blue; the pretrained backbones expect it."""
STD = (0.229, 0.224, 0.225)
"""ImageNet's standard deviation."""

_MEAN_311 = np.array(MEAN, dtype=np.float32)[:, None, None]
_STD_311 = np.array(STD, dtype=np.float32)[:, None, None]


def resized_size(size: tuple[int, int], short_side: int, max_side: int) -> tuple[int, int]:
    """(width, height) with the shorter side at `short_side`, unless the longer one would exceed `max_side`."""
    scale = min(short_side / min(size), max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resized_pixels(image: Image.Image, short_side: int, max_side: int) -> Pixels:
    """The pixels (3, H, W) of an RGB image as the model takes it to predict: resized as resized_size says."""
    return pixels_of(image.resize(resized_size(image.size, short_side, max_side), Image.Resampling.BILINEAR))


def pixels_of(image: Image.Image) -> Pixels:
    """An RGB image as an array (3, H, W) of its own, row by row."""
    return np.stack([np.asarray(band, dtype=np.uint8) for band in image.split()])


def normalised(pixels_3HW: Pixels) -> Floats:
    """Pixels as an exported model takes them; torch_images.py does the same on a device."""
    return normalise(pixels_3HW.astype(np.float32), _MEAN_311, _STD_311)


def normalise(pixels: Numbers, mean_311: Numbers, std_311: Numbers) -> Numbers:
    """Pixels (..., 3, H, W) in 0..255 as the pretrained backbones expect them, in fp32."""
    return (pixels / 255 - mean_311) / std_311  # type: ignore[return-value]  # NumPy's types say fp64, which it is not
