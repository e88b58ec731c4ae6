"""Lets recorded references of the upstream DINO be run against this implementation.

`build(meta)` gives the model for a forward pass, `train(meta, state_dict, reference)` runs one training step on the
reference's recorded random draws; references are compared by the scripts that come with them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from training_code.config import ModelConfig
from training_code.dino.criterion import Criterion
from training_code.dino.denoising import attention_mask
from training_code.dino.model import DINO, build_model


def config_of(meta: Mapping[str, Any]) -> ModelConfig:
    """The paper's model with what the reference varies."""
    return ModelConfig(
        num_classes=meta["num_classes"],
        num_queries=meta["num_queries"],
        dn_labelbook_size=meta.get("labelbook"),
        dn_number=meta["dn"],
        dn_box_noise=meta["box_noise"],
        dn_label_noise=meta["label_noise"],
    )


def build(meta: Mapping[str, Any]) -> DINO:
    """The model that a reference was made with, with fresh weights."""
    return build_model(config_of(meta))


class RecordedDraws:
    """Replays random numbers in the order in which the reference used them."""

    def __init__(self, draws: Sequence[Tensor]) -> None:
        self._draws = list(draws)

    def flip_chances(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return self._next().reshape(shape).to(device)

    def new_labels(self, flips: Tensor, num_classes: int) -> Tensor:
        labels = torch.zeros(flips.shape, dtype=torch.int64, device=flips.device)
        labels[flips] = self._next().to(labels)  # recorded for the flipped ones only
        return labels

    def signs(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return self._next().reshape(shape).to(device, torch.float32) * 2 - 1

    def magnitudes(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return self._next().reshape(shape).to(device)

    def _next(self) -> Tensor:
        return self._draws.pop(0)


def train(meta: Mapping[str, Any], state_dict: Mapping[str, Tensor], reference: Mapping[str, Any]) -> dict[str, Any]:
    """One training step: losses, their weighted total, the gradients of all trained parameters, denoising, outputs."""
    dtype = getattr(torch, meta["dtype"])
    model = build(meta).to(dtype)
    model.load_state_dict(state_dict, strict=True)
    model.train()
    criterion = Criterion(model.config)
    targets = [{"labels": t["labels"], "boxes": t["boxes"].to(dtype)} for t in reference["targets"]]
    outputs = model(reference["images"].to(dtype), reference["masks"], targets, RecordedDraws(reference["draws"]))
    losses = criterion(outputs, targets)
    total = criterion.total(losses)
    torch.autograd.backward(total)
    named = {name: float(value.detach()) for name, value in losses.items()}
    if meta["dn"] == 0:
        # The reference names denoising losses, as zeros, even with denoising switched off.
        named |= {name: 0.0 for name in reference["weights"] if "_dn" in name}
    return {
        "losses": named,
        "total": float(total.detach()),
        "grads": {
            name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        },
        "cdn": _denoising_tensors(meta, outputs),
        "outputs": outputs,
    }


def _denoising_tensors(meta: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Tensor]:
    if "dn_outputs" not in outputs:
        batch, queries = outputs["pred_boxes"].shape[:2]
        return {
            "query_bbox": torch.zeros(batch, 0, 4),
            "attn_mask": attention_mask(0, 0, queries, torch.device("cpu")),
            "label_ids": torch.zeros(0, dtype=torch.int64),
        }
    queries = outputs["dn_outputs"]["queries"]
    return {
        "query_bbox": queries.box_logits.detach(),
        "attn_mask": attention_mask(queries.groups, queries.slots, meta["num_queries"], torch.device("cpu")),
        "label_ids": queries.labels,
    }
