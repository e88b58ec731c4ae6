"""Which implementation of the sampling a process uses."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Protocol, cast

import torch
from torch import Tensor

from training_code.config import Kernel
from training_code.dino.compiler import missing_compiler
from training_code.dino.sampling import plain


class KernelError(Exception):
    """This machine cannot run the kernel that was asked for."""


class Implementation(Protocol):
    """The two functions of a module of this package; plain.py says what they do."""

    def sample(self, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: list[int]) -> Tensor: ...

    def sample_backward(
        self, grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: list[int]
    ) -> tuple[Tensor, Tensor, Tensor]: ...


_MODULES = {"plain": plain.__name__, "compiled": f"{__package__}.compiled", "triton": f"{__package__}.kernels"}
_forced: dict[str, str] = {}
"""By device type, what choose() was told."""


def choose(kernel: Kernel, device: torch.device) -> str:
    """Use `kernel` on devices like `device` from now on; returns a sentence for the log.

    Raises:
        KernelError: this machine cannot run it.
    """
    _forced.pop(device.type, None)
    if kernel == "auto":
        name, reason = _fastest(device)
    else:
        name, reason = kernel, "as the setting deformable_attention says"
        if missing := _missing(kernel, device):
            raise KernelError(f"deformable_attention is {kernel}, but {missing}: set it to auto or plain.")
        _forced[device.type] = name
    return f"Deformable attention runs as {name}: {reason}."


def implementation(device: torch.device) -> Implementation:
    """What choose() chose, or else the fastest that works."""
    name = _forced.get(device.type) or _fastest(device)[0]
    return cast("Implementation", importlib.import_module(_MODULES[name]))


@cache
def _fastest(device: torch.device) -> tuple[str, str]:
    """With the reason. On a CPU the plain form is faster than the compiled one, which takes half a minute to make."""
    if device.type != "cuda":
        return "plain", "the fastest on a CPU"
    missing = _missing("triton", device)
    return ("plain", missing) if missing else ("triton", "the fastest on CUDA")


def _missing(kernel: Kernel, device: torch.device) -> str:
    """What `kernel` lacks on this machine; empty if nothing."""
    if kernel == "plain":
        return ""
    if device.type == "cuda":
        return missing_compiler(device) or _fault_on_gpu(kernel, device)
    return "there is no GPU with CUDA" if kernel == "triton" else missing_compiler(device)


def _fault_on_gpu(kernel: Kernel, device: torch.device) -> str:
    """A tiny sampling, forwards and backwards, against the plain form: what is wrong with it, or nothing."""
    made = torch.Generator().manual_seed(0)
    value, location, weight, grad = (
        torch.rand(shape, generator=made).to(device)
        for shape in ((1, 10, 2, 4), (1, 3, 2, 2, 2, 2), (1, 3, 2, 2, 2), (1, 3, 8))
    )
    sizes = [2, 3, 2, 2]
    tried = cast("Implementation", importlib.import_module(_MODULES[kernel]))
    try:
        results = (
            tried.sample(value, location, weight, sizes),
            *tried.sample_backward(grad, value, location, weight, sizes),
        )
    except Exception as error:  # whatever a compiler or a driver can raise
        return f"its kernels fail here with {type(error).__name__}"
    expected = (
        plain.sample(value, location, weight, sizes),
        *plain.sample_backward(grad, value, location, weight, sizes),
    )
    if all(torch.allclose(a, b, atol=1e-4) for a, b in zip(results, expected, strict=True)):
        return ""
    return "its kernels give other numbers here than the plain form"
