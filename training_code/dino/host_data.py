"""Small tensors on their way between host and device, without waiting for the device."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(made: Tensor, device: torch.device) -> Tensor:
    """`made`, which is on the host, on `device`: a GPU takes it from pinned memory while the host goes on."""
    return made.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else made.to(device)


class HostCopy:
    """Numbers of a tensor (n,) that a GPU copies to pinned memory while the host goes on."""

    def __init__(self, values_n: Tensor) -> None:
        on_gpu = values_n.device.type == "cuda"
        self._values_n = values_n.to("cpu", non_blocking=on_gpu)
        self._arrived = torch.cuda.Event() if on_gpu else None  # type: ignore[no-untyped-call]  # PyTorch gives it no types
        if self._arrived is not None:
            self._arrived.record()

    def numbers(self) -> list[float]:
        """The numbers; the host waits only if they are not there yet."""
        if self._arrived is not None:
            self._arrived.synchronize()
        numbers: list[float] = self._values_n.tolist()
        return numbers
