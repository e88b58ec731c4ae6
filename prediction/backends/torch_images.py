"""Normalises images on the device that the model runs on: from the host comes a quarter of the bytes."""

import torch
from torch import Tensor

from prediction.image_tensors import MEAN, STD, normalise
from training_code.dino.host_data import to_device


def normalised_on(device: torch.device, pixels_B3HW: Tensor, mask_BHW: Tensor | None = None) -> Tensor:
    """Pixels in 8 bits (B, 3, H, W), from wherever they are, as the model takes them: normalised, fp32.

    `mask_BHW`, on `device`, is True on padding, which becomes 0.
    """
    mean_311, std_311 = to_device(torch.tensor([MEAN, STD])[..., None, None], device)
    images_B3HW: Tensor = normalise(pixels_B3HW.to(device, non_blocking=True), mean_311, std_311)
    return images_B3HW if mask_BHW is None else images_B3HW.masked_fill_(mask_BHW[:, None], 0)
