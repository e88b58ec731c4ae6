"""The sections of the GPU's figures: what each measures, and for how long it may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import cast

from benchmarks.gpu.figures import Tell


@dataclass(frozen=True, slots=True)
class Section:
    """A function of one of this package's modules: it gets whether it is dry, and what to call for each figure."""

    title: str
    module: str
    function: str
    seconds: float
    """After which it is stopped; what it told until then counts."""

    def run(self, *, dry: bool, tell: Tell) -> None:
        function = getattr(import_module(f"benchmarks.gpu.{self.module}"), self.function)
        cast("Callable[[bool, Tell], None]", function)(dry, tell)


SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "operator": Section("Sampling: the same numbers as grid_sample", "operator", "correctness", 75),
        "model": Section("Model: the same answers, gradients and losses as on a CPU", "model", "correctness", 50),
        "sampling": Section("Sampling of an encoder layer: time, memory and bandwidth", "operator", "speed", 50),
        "step": Section("One update of the weights", "step", "forms", 70),
        "batches": Section("Batches that fit, and their speed", "step", "batches", 45),
        "training": Section("A training from fresh weights on generated plans", "training", "train", 130),
        "compiled": Section("One update with torch.compile", "step", "compiled", 60),
    }
)
"""Eight minutes together."""
