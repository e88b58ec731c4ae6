"""Runs what `python -m benchmarks.gpu` does on a GPU on fake CUDA tensors: something on another device would raise.

A program of its own, to be started in fake_cuda.environment(); it prints where the results are.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.gpu_counts import fake_gpu, print_and_exit

CUDA = torch.device("cuda")


def main() -> None:
    with fake_gpu():
        # Only now: they look for a GPU when they are imported.
        model, operator, step = (import_module(f"benchmarks.gpu.{name}") for name in ("model", "operator", "step"))
        where: dict[str, list[str]] = {}
        for dtype in (torch.float64, torch.bfloat16):
            inputs = operator._inputs(operator.DRY_SIZES, dtype)
            for name, sampling in {"operator": operator.sample, "grid_sample": operator._by_grid_sample}.items():
                results: list[Tensor] = operator._results(sampling, inputs, operator.DRY_SIZES)
                where[f"{name} of {dtype}"] = sorted({each.device.type for each in results})
        for dtype, autocast in ((torch.float64, False), (torch.float32, True)):
            model._step(CUDA, dtype, autocast=autocast)
        recorded_losses(model)
        training = step.full_step(CUDA, recipe="tiny", precision="bf16")
        step.update(training, step.noise(2, step.DRY_SIZE), 0, CUDA)
        where["weights"] = sorted({each.device.type for each in training.model.parameters()})
    print_and_exit(where)


def recorded_losses(model: Any) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch("training_code.dino.model.RandomDraws", model._HostDraws),
    ):
        model.write_dataset(Path(folder))
        model.golden.train_tiny(Path(folder), device=CUDA, steps=1)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        os._exit(1)  # autograd's thread for the fake device aborts a process that ends as usual
