"""From images to what the model takes: normalised tensors, padded to a batch with a mask.

Shapes: B images, H height, W width.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
"""ImageNet's mean of red, green and blue; the pretrained backbones expect it."""
STD = (0.229, 0.224, 0.225)
"""ImageNet's standard deviation."""

_MEAN_311 = torch.tensor(MEAN)[:, None, None]
_STD_311 = torch.tensor(STD)[:, None, None]


def resized_size(size: tuple[int, int], short_side: int, max_side: int) -> tuple[int, int]:
    """(width, height) with the shorter side at `short_side`, unless the longer one would exceed `max_side`."""
    scale = min(short_side / min(size), max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def model_input(image: Image.Image, short_side: int, max_side: int) -> Tensor:
    """An RGB image as the model takes it to predict: resized as resized_size says, and normalised."""
    return image_to_tensor(image.resize(resized_size(image.size, short_side, max_side), Image.Resampling.BILINEAR))


def image_to_tensor(image: Image.Image) -> Tensor:
    """An RGB image as a normalised float tensor (3, H, W)."""
    pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1)
    return (pixels / 255 - _MEAN_311) / _STD_311


def pad_to_batch(images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Images (3, H_i, W_i) as one tensor (B, 3, H, W) padded with 0, and the mask (B, H, W) that is True on padding."""
    height, width = max(image.shape[1] for image in images), max(image.shape[2] for image in images)
    images_B3HW = torch.zeros(len(images), 3, height, width)
    mask_BHW = torch.ones(len(images), height, width, dtype=torch.bool)
    for padded, mask, image in zip(images_B3HW, mask_BHW, images, strict=True):
        padded[:, : image.shape[1], : image.shape[2]] = image
        mask[: image.shape[1], : image.shape[2]] = False
    return images_B3HW, mask_BHW
