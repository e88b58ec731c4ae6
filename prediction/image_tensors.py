"""From images to what the model takes: resized, normalised arrays.

Shapes: H height, W width.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

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


def model_input(image: Image.Image, short_side: int, max_side: int) -> npt.NDArray[np.float32]:
    """An RGB image as the model takes it to predict, (3, H, W): resized as resized_size says, and normalised."""
    return normalised(image.resize(resized_size(image.size, short_side, max_side), Image.Resampling.BILINEAR))


def normalised(image: Image.Image) -> npt.NDArray[np.float32]:
    """An RGB image as a normalised array (3, H, W), row by row."""
    pixels_3HW = np.asarray(image, dtype=np.uint8).transpose(2, 0, 1).astype(np.float32, order="C")
    pixels_3HW /= 255
    pixels_3HW -= _MEAN_311
    pixels_3HW /= _STD_311
    return pixels_3HW
