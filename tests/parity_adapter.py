"""Lets recorded references of the upstream DINO be run against this implementation.

`build(meta)` gives the model for a forward pass, `train(meta, state_dict, reference)` runs one training step on the
reference's recorded random draws. Both compute in `meta["dtype"]`. The scripts that come with the references compare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from training_code.dino.criterion import Criterion
from training_code.dino.denoising import attention_mask
from training_code.dino.model import DINO, build_model
from training_code.dino.outputs import Outputs, Target
from training_code.model_config import ModelConfig


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
    """The model that a reference was made with, in its type; its weights are fresh, drawn from the reference's seed."""
    torch.manual_seed(meta["seed"])
    return build_model(config_of(meta)).to(getattr(torch, meta["dtype"]))


class RecordedDraws:
    """Replays random numbers in the order in which the reference used them."""

    def __init__(self, draws: Sequence[Tensor]) -> None:
        self._draws = list(draws)

    def flip_chances(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return self._next().reshape(shape).to(like)

    def new_labels(self, flips: Tensor, num_classes: int) -> Tensor:
        labels = torch.zeros(flips.shape, dtype=torch.int64, device=flips.device)
        labels[flips] = self._next().to(labels)  # recorded for the flipped ones only
        return labels

    def signs(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return self._next().reshape(shape).to(like) * 2 - 1

    def magnitudes(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return self._next().reshape(shape).to(like)

    def _next(self) -> Tensor:
        return self._draws.pop(0)


def train(meta: Mapping[str, Any], state_dict: Mapping[str, Tensor], reference: Mapping[str, Any]) -> dict[str, Any]:
    """One training step: losses, their weighted total, the gradients of all trained parameters, denoising, outputs."""
    model = build(meta)
    model.load_state_dict(state_dict, strict=True)
    model.train()
    criterion = _criterion(model.config, reference["weights"])
    dtype = getattr(torch, meta["dtype"])
    targets: list[Target] = [{"labels": t["labels"], "boxes": t["boxes"].to(dtype)} for t in reference["targets"]]
    outputs = model(reference["images"].to(dtype), reference["masks"], targets, RecordedDraws(reference["draws"]))
    losses = criterion(outputs, targets)
    total = criterion.total(losses)
    torch.autograd.backward(total)
    named = {name: float(value.detach()) for name, value in losses.items()}
    # The reference names denoising losses, as zeros, even with denoising switched off.
    without_denoising = {name: 0.0 for name in reference["weights"] if "_dn" in name} if meta["dn"] == 0 else {}
    return {
        "losses": named | without_denoising,
        "total": float(total.detach()),
        "grads": {
            name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        },
        "cdn": _denoising_tensors(outputs),
        "outputs": _detached(outputs),
    }


def _criterion(config: ModelConfig, weights: Mapping[str, float]) -> Criterion:
    """With the reference's weights: all layers share the last one's, and the encoder's are in a fixed ratio to them."""
    return Criterion(
        replace(
            config,
            loss_class=weights["loss_ce"],
            loss_bbox=weights["loss_bbox"],
            loss_giou=weights["loss_giou"],
            loss_interm=weights["loss_bbox_interm"] / weights["loss_bbox"],
        )
    )


def _detached(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _detached(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_detached(part) for part in value]
    return value.detach() if isinstance(value, Tensor) else value


def _denoising_tensors(outputs: Outputs) -> dict[str, Tensor]:
    batch, matching = outputs["pred_boxes"].shape[:2]
    if "dn_outputs" not in outputs:
        return {
            "query_bbox": outputs["pred_boxes"].new_zeros(batch, 0, 4),
            "attn_mask": attention_mask(0, 0, matching, torch.device("cpu")),
            "label_ids": torch.zeros(0, dtype=torch.int64),
        }
    queries = outputs["dn_outputs"]["queries"]
    return {
        "query_bbox": queries.box_logits.detach(),
        "attn_mask": attention_mask(queries.groups, queries.slots, matching, torch.device("cpu")),
        "label_ids": queries.labels,
    }
