"""Small tensors made on the host, brought to the device without waiting for it."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(made: Tensor, device: torch.device) -> Tensor:
    """`made`, which is on the host, on `device`: a GPU takes it from pinned memory while the host goes on."""
    return made.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else made.to(device)
