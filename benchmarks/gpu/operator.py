"""The sampling operator's forms on the GPU: their numbers against grid_sample's, and what an encoder layer takes.

Shape suffixes: those of training_code/dino/sampling/operator.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from benchmarks.gpu.figures import Tell
from benchmarks.gpu.timing import NEEDS_GPU, device, gpu_seconds, peak_gib
from tests.dino.grid_sampling import grid_sample_scales
from training_code.config import Kernel
from training_code.dino.sampling.choice import KernelError, choose
from training_code.dino.sampling.operator import sample

SIZES = [100, 167, 50, 84, 25, 42, 13, 21]
"""Rows and columns of the scales of an image of 800 x 1333 pixels: 22,223 tokens."""
DRY_SIZES = [5, 7, 3, 4, 2, 2, 1, 1]
FORMS: tuple[Kernel, ...] = ("plain", "triton", "compiled")
"""The compiled form last: it may take the rest of the time."""
LEAST_FASTER = 6.0
MOST_OVER_ROOFLINE = 3.0

Sampling = Callable[..., Tensor]
Inputs = tuple[Tensor, Tensor, Tensor]


def correctness(dry: bool, tell: Tell) -> None:
    """How far output and gradients are from grid_sample's in fp64: the largest norm of a difference by the norm."""
    sizes = DRY_SIZES if dry else [25, 42, 13, 21, 7, 11, 4, 6]
    exact = _inputs(sizes, torch.float64)
    right = _results(grid_sample_scales, exact, sizes)
    rounded = exact[0].bfloat16()
    right_of_rounded = _results(grid_sample_scales, (rounded.double(), *exact[1:]), sizes)
    for form in _forms(dry, tell):
        tell(f"{form}, fp64", _apart(_results(sample, exact, sizes), right), at_most=1e-10)
        mixed = (rounded, exact[1].float(), exact[2].float())
        tell(f"{form}, bf16 values", _apart(_results(sample, mixed, sizes), right_of_rounded), at_most=2e-2)


def speed(dry: bool, tell: Tell) -> None:
    """Forwards and backwards of one encoder layer on two images, with bf16 values as in training."""
    sizes = DRY_SIZES if dry else SIZES
    inputs = _inputs(sizes, torch.bfloat16)
    bandwidth = _bandwidth(dry)
    tell("bandwidth of a copy on the GPU", bandwidth / 1e9, "GB/s")
    forwards, backwards = _least_bytes(inputs)
    times = {"grid_sample": _measure("grid_sample", _by_grid_sample, inputs, sizes, tell)}
    for form in _forms(dry, tell):
        times[form] = _measure(form, sample, inputs, sizes, tell)
        best = min(times, key=lambda name: sum(times[name]))
        tell("fastest form", best)
        tell("grid_sample's time by its", sum(times["grid_sample"]) / sum(times[best]), "times", at_least=LEAST_FASTER)
        for name, time, least in zip(("forwards", "backwards"), times[best], (forwards, backwards), strict=True):
            by_bytes = time / (least / bandwidth)
            tell(f"{name}, its time by what its bytes take", by_bytes, "times", at_most=MOST_OVER_ROOFLINE)


def _forms(dry: bool, tell: Tell) -> Iterator[Kernel]:
    """Those that this machine can run; each is what `sample` uses until the next is asked for."""
    for form in FORMS:
        if dry and form == "compiled":
            tell(form, "left out of a dry run: it compiles for half a minute")
            continue
        try:
            choose(form, device())
        except KernelError as error:
            tell(form, str(error))
        else:
            yield form


def _measure(name: str, sampling: Sampling, inputs: Inputs, sizes: list[int], tell: Tell) -> tuple[float, float]:
    """Seconds of a forward and a backward pass."""
    leaves = tuple(x.detach().requires_grad_() for x in inputs)
    output = sampling(*leaves, sizes)
    grad = torch.randn_like(output)
    forward = gpu_seconds(lambda: sampling(*leaves, sizes))
    both = gpu_seconds(lambda: torch.autograd.grad(sampling(*leaves, sizes), leaves, grad))
    tell(f"{name}, forwards", forward * 1e3, "ms")
    tell(f"{name}, backwards", (both - forward) * 1e3, "ms")
    memory = peak_gib(lambda: torch.autograd.grad(sampling(*leaves, sizes), leaves, grad))
    tell(f"{name}, peak memory", NEEDS_GPU if memory is None else memory, "GiB")
    return forward, both - forward


def _inputs(sizes: list[int], dtype: torch.dtype) -> Inputs:
    """Of two images, a query a token as in the encoder: values, and locations some pixels around each query's own."""
    made = torch.Generator().manual_seed(0)
    shapes = list(zip(sizes[::2], sizes[1::2], strict=True))
    queries = sum(h * w for h, w in shapes)
    own = torch.cat(
        [torch.cartesian_prod((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w).flip(-1) for h, w in shapes]
    )
    geometry = torch.promote_types(dtype, torch.float32)
    pixel = 1 / torch.tensor([[w, h] for h, w in shapes], dtype=geometry)
    offsets = torch.randn(2, queries, 8, 4, 4, 2, dtype=geometry, generator=made) * 2 * pixel[:, None]
    value = torch.randn(2, queries, 8, 32, dtype=geometry, generator=made).to(dtype)
    weight = torch.rand(2, queries, 8, 16, dtype=geometry, generator=made).softmax(-1).view(2, queries, 8, 4, 4)
    location = own[:, None, None, None].to(geometry) + offsets
    return value.to(device()), location.to(device()), weight.to(device())


def _results(sampling: Sampling, inputs: Inputs, sizes: list[int]) -> list[Tensor]:
    """Output and gradients."""
    leaves = tuple(x.detach().requires_grad_() for x in inputs)
    output = sampling(*leaves, sizes)
    grad = torch.linspace(-1, 1, output.numel(), dtype=torch.float64, device=output.device).view(output.shape)
    return [output.detach(), *torch.autograd.grad(output, leaves, grad.to(output.dtype))]


def _apart(found: list[Tensor], right: list[Tensor]) -> float:
    # Not the largest number: at a pixel's edge the gradient of a location jumps, and a few are rounded across one.
    pairs = zip(found, right, strict=True)
    return max(float((a.double() - b.double()).norm() / b.double().norm()) for a, b in pairs)


def _by_grid_sample(value: Tensor, location: Tensor, weight: Tensor, sizes: list[int]) -> Tensor:
    """In fp32, as it has to be for locations to be exact; what comes before and after it is in bf16."""
    return grid_sample_scales(value.float(), location, weight, sizes).to(value.dtype)


def _bandwidth(dry: bool) -> float:
    """Bytes a second that a copy reads and writes."""
    source = torch.empty(2**20 if dry else 2**30, dtype=torch.uint8, device=device())
    target = torch.empty_like(source)
    return 2 * source.numel() / gpu_seconds(lambda: target.copy_(source))


def _least_bytes(inputs: Inputs) -> tuple[float, float]:
    """What each pass must read and write, if each byte moves once; the values' gradient is summed in fp32."""
    value, location, weight = inputs
    read = sum(x.numel() * x.element_size() for x in inputs)
    output = weight.shape[0] * weight.shape[1] * value.shape[2] * value.shape[3] * value.element_size()
    written = value.numel() * 4 + sum(x.numel() * x.element_size() for x in (location, weight))
    return read + output, read + output + written
