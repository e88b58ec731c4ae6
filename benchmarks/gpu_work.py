"""Counts what an update of `room_wall` computes and moves on a GPU, operator by operator, on fake tensors.

instance_speeds.py makes speeds of it; its terms are those of gpu_counts.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.fake_cuda import environment
from benchmarks.full_step import full_step, noise, update
from benchmarks.gpu_counts import FakeGpu, fake_gpu, print_and_exit
from benchmarks.measuring import ROOT

CORNERS = 4
"""Of a sample: what bilinear interpolation reads."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What one operator asks of the GPU."""

    phase: str
    name: str
    flops: int
    """Of matrix products, convolutions and attention; of others, whose memory traffic takes longer, 0."""
    traffic: int
    """Bytes: all inputs read and all outputs written once. Of our sampling, each corner of each sample as if none were
    in a cache, and each gradient of a corner read, added to and written in fp32."""
    fp32: bool
    """Whether its operations are in fp32, which a GPU does at another speed."""


class Meter(FakeGpu):  # type: ignore[no-untyped-call]  # torch gives modes no types
    """Notes each operator, beside counting it."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[Operator] = []

    def _count(self, name: str, func: Any, args: Sequence[Any], result: Any) -> None:  # noqa: ANN401
        before = self.counts.kernels.copy()
        super()._count(name, func, args, result)
        added = self.counts.kernels - before
        if not added:
            return
        ((phase, _, _),) = added
        formula = flop_registry.get(func._overloadpacket)
        flops = int(formula(*args, out_val=result)) if formula else 0
        tensors = [leaf for leaf in tree_leaves(args) if isinstance(leaf, FakeTensor)]
        written = [leaf for leaf in tree_leaves(result) if isinstance(leaf, FakeTensor)]
        traffic = sum(map(_bytes, [*tensors, *written]))
        if name.startswith("floorplan_dino::sample"):
            traffic += _samples(tensors, backward="backward" in name)
        fp32 = bool(flops) and tensors[0].dtype == torch.float32
        self.operators.append(Operator(phase, name, flops, traffic, fp32))


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _samples(tensors: Sequence[Tensor], *, backward: bool) -> int:
    """Bytes of all corners."""
    value_BSME, _, weight_BQMLK = tensors[-3:]
    numbers = weight_BQMLK.numel() * CORNERS * value_BSME.shape[-1]
    gradients = 2 * 4 if backward else 0
    return numbers * (value_BSME.element_size() + gradients)


def work(batch: int, size: tuple[int, int], *, precision: str = "bf16", code: Path = ROOT) -> list[Operator]:
    """The operators of an update of `batch` images of `size`, rows and columns, with the training code in `code`."""
    command = [sys.executable, __file__, str(batch), *map(str, size), precision]
    environment_of_code = {**environment(), "PYTHONPATH": str(code)}
    done = subprocess.run(command, env=environment_of_code, check=True, stdout=subprocess.PIPE, text=True)
    return [Operator(*each) for each in json.loads(done.stdout)]


def _print(batch: int, height: int, width: int, precision: str) -> NoReturn:
    """The operators as JSON lists, in a process for them alone."""
    meter = Meter()
    with fake_gpu(meter):
        device = torch.device("cuda")
        training = full_step(device, batch_size=batch, precision=precision)
        loaded = noise(batch, (height, width))
        for step in range(2):  # the first fills what is kept for later ones
            meter.operators.clear()
            update(training, loaded, step, device)
    print_and_exit([[op.phase, op.name, op.flops, op.traffic, op.fp32] for op in meter.operators])


if __name__ == "__main__":
    _print(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
