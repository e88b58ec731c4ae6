"""Reads weights from checkpoint files without unpickling arbitrary objects, and loads what fits into a model."""

from __future__ import annotations

import argparse
import pickle
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

BACKBONE_PREFIX = "backbone.0.body."
QUERY_CONTENTS = "transformer.tgt_embed.weight"


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message is one sentence for the person who chose it."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of every tensor of the model and of the file."""

    taken: list[str]
    """Loaded as they are."""

    resized: list[str] = field(default_factory=list)
    """Loaded in part, with both shapes."""

    left: list[str] = field(default_factory=list)
    """Kept as initialised: missing in the file, or of another shape; with the reason."""

    unused: list[str] = field(default_factory=list)
    """In the file, but not in the model."""

    def __str__(self) -> str:
        """Taken tensors counted by part, all others by name."""
        total = len(self.taken) + len(self.resized) + len(self.left)
        parts = Counter(_part(name) for name in self.taken)
        lines = [f"Weights: {len(self.taken)} of the model's {total} tensors taken as they are"]
        lines += [f"  taken    {part}.* ({count})" for part, count in sorted(parts.items())]
        for what, names in (("resized", self.resized), ("left", self.left), ("unused", self.unused)):
            lines += [f"  {what:<8} {name}" for name in names]
        return "\n".join(lines)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU.

    Takes safetensors files, and PyTorch files that hold a state_dict or, as DINO's official checkpoints do, a dict
    with one under `model` beside an argparse.Namespace. Nothing else is ever unpickled. Plain ResNet weights
    (torchvision's names) become the backbone's. Raises CheckpointError.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}: give the path of a .pth or .safetensors file.")
    try:
        if path.suffix == ".safetensors":
            content: object = safetensors.torch.load_file(path)
        else:
            with torch.serialization.safe_globals([argparse.Namespace]):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds more than tensors and plain values, so it is not opened: save its state_dict as safetensors."
        ) from error
    except (safetensors.SafetensorError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or no checkpoint: fetch it again.") from error
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{path} holds no state_dict, neither at its top nor under `model`.")
    weights = {str(name).removeprefix("module."): value for name, value in content.items()}
    for name, value in weights.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"{path} holds a {type(value).__name__} named {name} among its weights, not a tensor."
            )
    return _as_backbone(weights) if "conv1.weight" in weights else weights


def load_for_fine_tuning(model: nn.Module, weights: Mapping[str, Tensor]) -> LoadReport:
    """Copy into `model` what fits, leave the rest as it was initialised, and report on every tensor.

    With another number of classes, the class heads and the label embedding keep their fresh weights. With another
    number of content queries, the first ones are loaded: they are interchangeable. Raises CheckpointError if nothing
    fits.
    """
    report = LoadReport(taken=[])
    own = model.state_dict()
    with torch.no_grad():
        for name, target in own.items():
            source = weights.get(name)
            if source is None:
                report.left.append(f"{name} (not in the file)")
            elif source.shape == target.shape:
                target.copy_(source)
                report.taken.append(name)
            elif name == QUERY_CONTENTS and source.shape[1:] == target.shape[1:]:
                rows = min(len(source), len(target))
                target[:rows] = source[:rows]
                report.resized.append(f"{name} {tuple(source.shape)} -> {tuple(target.shape)}")
            else:
                report.left.append(f"{name} (file {tuple(source.shape)}, model {tuple(target.shape)})")
    report.unused.extend(name for name in weights if name not in own)
    if not report.taken:
        raise CheckpointError("No tensor of the checkpoint fits the model: is it one of DINO with a ResNet-50?")
    return report


def _as_backbone(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's ResNet names -> DINO's, without the classifier and the counters of trained batch norms."""
    return {
        BACKBONE_PREFIX + name: value
        for name, value in weights.items()
        if not name.startswith("fc.") and not name.endswith("num_batches_tracked")
    }


def _part(name: str) -> str:
    """The part of the model that a tensor belongs to, deep enough to be useful in a summary."""
    parts = name.split(".")
    if name.startswith(BACKBONE_PREFIX):
        return ".".join(parts[:4])
    return ".".join(parts[: 4 if "layers" in parts[2:3] else 2])
