"""Reads weights from checkpoint files without unpickling arbitrary objects, and loads what fits into a model."""

from __future__ import annotations

import argparse
import pickle
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from dataset_contract.out_of_memory import is_out_of_memory

BACKBONE_PREFIX = "backbone.0.body."
QUERY_CONTENTS = "transformer.tgt_embed.weight"

WRAPPERS = ("model", "model_state_dict", "state_dict", "ema_model", "ema", "module")
"""Where training programs keep the state_dict in what they save; of several the first one counts."""

_WANTS_CODE = re.compile("unsupported (global|class)|TorchScript", re.IGNORECASE)
"""In what PyTorch says of a file that it would have to run code for."""


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

    def lines(self) -> list[str]:
        """Lines for the log: taken tensors counted by part, all others by name."""
        total = len(self.taken) + len(self.resized) + len(self.left)
        parts = Counter(_part(name) for name in self.taken)
        lines = [f"Weights: {len(self.taken)} of the model's {total} tensors taken as they are"]
        lines += [f"  taken    {part}.* ({count})" for part, count in sorted(parts.items())]
        for what, names in (("resized", self.resized), ("left", self.left), ("unused", self.unused)):
            lines += [f"  {what:<8} {name}" for name in names]
        return lines


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU.

    Takes safetensors files, and PyTorch files that hold a state_dict at their top or under one of WRAPPERS, beside
    plain values or an argparse.Namespace as in DINO's official checkpoints. Nothing else is ever unpickled. Plain
    ResNet weights (torchvision's names) become the backbone's. Raises CheckpointError.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}: give the path of a .pth or .safetensors file.")
    content = _read(path)
    while wrapped := [content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping) and content[key]]:
        content = wrapped[0]
    if not content or not all(isinstance(value, Tensor) for value in content.values()):
        found = ", ".join(repr(str(name)[:40]) for name in list(content)[:5]) or "nothing"
        raise CheckpointError(
            f"{path} holds no state_dict, neither at its top nor under {', '.join(WRAPPERS)} (it holds {found}): save"
            " the model's state_dict as safetensors."
        )
    # Escaped, since the names are logged: one with a line break could pass for a line of figures.
    names = {name: str(name).encode("unicode_escape").decode() for name in content}
    weights = {_without_wrappers(names[name]): value for name, value in content.items()}
    return _as_backbone(weights) if "conv1.weight" in weights else weights


def _read(path: Path) -> Mapping[str, Any]:
    """The content of a file; what kind it is, its first bytes tell."""
    try:
        with path.open("rb") as file:
            head = file.read(512)
        if reason := _no_checkpoint(head):
            raise CheckpointError(f"{path} is {reason}, no checkpoint: fetch it again.")
        if head[8:9] == b"{":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]), path.open("rb") as file:  # a path's suffix decides
            content: object = torch.load(file, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file makes readers raise anything: KeyError, struct.error, IndexError ...
        if is_out_of_memory(error):
            raise
        if isinstance(error, pickle.UnpicklingError | RuntimeError) and _WANTS_CODE.search(str(error)):
            raise CheckpointError(
                f"{path} holds more than tensors and plain values, so it is not opened: save its state_dict as"
                " safetensors."
            ) from error
        raise CheckpointError(f"{path} is damaged or no checkpoint: fetch it again.") from error
    return content if isinstance(content, Mapping) else {}


def _no_checkpoint(head: bytes) -> str | None:
    """What a file that begins so is instead of a checkpoint; None if it may be one."""
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "a web page"
    return None if head else "empty"


def _without_wrappers(name: str) -> str:
    """`name` without what DistributedDataParallel, AveragedModel (module.) and torch.compile (_orig_mod.) add to it."""
    name = name.replace("_orig_mod.", "")
    while name.startswith("module."):
        name = name.removeprefix("module.")
    return name


def load_for_fine_tuning(model: nn.Module, weights: Mapping[str, Tensor]) -> LoadReport:
    """Copy into `model` what fits, leave the rest as it was initialised, and report on every tensor.

    With another number of classes, the class heads and the label embedding keep their fresh weights. With another
    number of content queries, the first ones are loaded: they are interchangeable.

    Raises:
        CheckpointError: nothing fits, or a tensor that does is not one of plain, finite floating-point numbers.
    """
    report = LoadReport(taken=[])
    own = model.state_dict(keep_vars=True)
    shared: defaultdict[int, list[str]] = defaultdict(list)  # a model folder has one of a shared tensor's names
    for name, target in own.items():
        shared[id(target)].append(name)
    with torch.no_grad():
        for name, target in own.items():
            source = next((weights[same] for same in (name, *shared[id(target)]) if same in weights), None)
            if source is None:
                report.left.append(f"{name} (not in the file)")
            elif source.layout != torch.strided or source.is_meta or not source.is_floating_point():
                raise CheckpointError(
                    f"The checkpoint's tensor {name} is not one of plain floating-point numbers ({source.dtype},"
                    f" {source.layout}, {source.device}): take a checkpoint that was not quantised or emptied."
                )
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
    if broken := [name for name, value in own.items() if not value.isfinite().all()]:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        raise CheckpointError(
            f"The checkpoint's tensor {broken[0]}{more} holds NaN or infinite numbers: take another checkpoint."
        )
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
