"""The training losses (paper sections 3.1, 3.3 and 3.5): focal, L1 and GIoU of every layer, matched and denoising.

Shape suffixes: X predictions with the same losses (decoder layers, and the encoder's), B images, N matching and P
denoising queries, C classes, n matched pairs, G denoising groups, 3 parts of a loss, 4 is cxcywh
or the parts of an index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from training_code.dino.boxes import cxcywh_to_xyxy, generalised_iou
from training_code.dino.host_data import to_device
from training_code.dino.matcher import Matches, match
from training_code.dino.outputs import DenoisingOutputs, Outputs, Prediction, Target
from training_code.dino.precision import at_least_fp32
from training_code.model_config import ModelConfig

PARTS = ("loss_ce", "loss_bbox", "loss_giou")


class Criterion(nn.Module):
    """Losses by name: `loss_ce`, `loss_bbox`, `loss_giou` of the last decoder layer, with suffix `_0`.. of the layers
    before it, `_interm` of the encoder's proposals, and `_dn`, `_dn_0`.. of the denoising queries.

    They are not weighted yet: the training loss is the sum of `weights[name] * losses[name]`. The names are the same
    for every batch; without any box in it, denoising losses are 0.
    """

    def __init__(self, config: ModelConfig, mean: Callable[[Tensor], Tensor] = lambda own: own) -> None:
        """`mean` is that of a tensor over the processes that train together."""
        super().__init__()
        self.config = config
        self._mean = mean
        self.weights: Mapping[str, float] = self._weights()

    def forward(self, outputs: Outputs, targets: Sequence[Target]) -> dict[str, Tensor]:
        """Losses of the model's training outputs against one target an image."""
        layers = [*outputs["aux_outputs"], outputs["interm_outputs"], outputs]
        suffixes = [*self._layer_suffixes()[:-1], "_interm", ""]
        logits_XBNC, boxes_XBN4 = _stacked(layers)
        matches = match(logits_XBNC, boxes_XBN4, targets, self.config)
        num_boxes = self._mean_number_of_boxes(targets, logits_XBNC)
        losses = self._named(self._parts(logits_XBNC, boxes_XBN4, targets, matches, num_boxes), suffixes)
        if self.config.dn_number > 0:
            losses |= self._denoising_losses(outputs.get("dn_outputs"), targets, num_boxes)
        return losses

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum that training minimises."""
        stacked = torch.stack([losses[name] for name in self.weights])
        weights = torch.tensor(list(self.weights.values()), dtype=stacked.dtype)
        return (stacked * to_device(weights, stacked.device)).sum()

    def _denoising_losses(
        self, outputs: DenoisingOutputs | None, targets: Sequence[Target], num_boxes: Tensor
    ) -> dict[str, Tensor]:
        suffixes = [f"_dn{suffix}" for suffix in self._layer_suffixes()]
        if outputs is None:
            zeros = num_boxes.new_zeros(len(PARTS), len(suffixes))
            return self._named(zeros, suffixes)
        logits_XBPC, boxes_XBP4 = _stacked([*outputs["aux_outputs"], outputs])
        queries = outputs["queries"]
        matches = _denoising_matches(targets, queries.groups, queries.slots, len(suffixes), logits_XBPC.device)
        parts = self._parts(logits_XBPC, boxes_XBP4, targets, matches, num_boxes * queries.groups)
        return self._named(parts, suffixes)

    def _mean_number_of_boxes(self, targets: Sequence[Target], like: Tensor) -> Tensor:
        """True boxes of the batch, averaged over the processes, at least 1: what every loss is divided by."""
        count = torch.tensor(sum(len(target["labels"]) for target in targets), dtype=like.dtype)
        return self._mean(to_device(count, like.device)).clamp(min=1)

    def _parts(
        self, logits_XBNC: Tensor, boxes_XBN4: Tensor, targets: Sequence[Target], matches: Matches, num_boxes: Tensor
    ) -> Tensor:
        """(3, X): the sums of the focal, L1 and GIoU losses of each prediction, over the number of boxes."""
        label_Xn = torch.cat([target["labels"] for target in targets])[matches.box]
        true_Xn4 = torch.cat([target["boxes"] for target in targets])[matches.box].to(boxes_XBN4.dtype)
        x_Xn = torch.arange(len(logits_XBNC), device=logits_XBNC.device)[:, None].expand_as(matches.box)
        onehot_XBNC = torch.zeros_like(logits_XBNC)
        onehot_XBNC[x_Xn, matches.image, matches.query, label_Xn] = 1.0
        focal_X = _focal_loss(logits_XBNC, onehot_XBNC, self.config).sum((1, 2, 3))
        predicted_Xn4 = boxes_XBN4[x_Xn, matches.image, matches.query]
        l1_X = (predicted_Xn4 - true_Xn4).abs().sum((1, 2))
        giou_Xn = generalised_iou(cxcywh_to_xyxy(predicted_Xn4), cxcywh_to_xyxy(true_Xn4))
        return torch.stack([focal_X, l1_X, (1 - giou_Xn).sum(1)]) / num_boxes

    def _named(self, parts_3X: Tensor, suffixes: Sequence[str]) -> dict[str, Tensor]:
        return {
            name + suffix: value
            for name, row_X in zip(PARTS, parts_3X, strict=True)
            for suffix, value in zip(suffixes, row_X, strict=True)
        }

    def _layer_suffixes(self) -> list[str]:
        return [*(f"_{layer}" for layer in range(self.config.decoder_layers - 1)), ""]

    def _weights(self) -> dict[str, float]:
        config = self.config
        base = dict(zip(PARTS, (config.loss_class, config.loss_bbox, config.loss_giou), strict=True))
        weights = {name + suffix: weight for suffix in self._layer_suffixes() for name, weight in base.items()}
        if config.dn_number > 0:
            weights |= {f"{n}_dn{suffix}": w for suffix in self._layer_suffixes() for n, w in base.items()}
        return weights | {f"{name}_interm": weight * config.loss_interm for name, weight in base.items()}


def _stacked(predictions: Sequence[Prediction]) -> tuple[Tensor, Tensor]:
    logits = torch.stack([prediction["pred_logits"] for prediction in predictions])
    boxes = torch.stack([prediction["pred_boxes"] for prediction in predictions])
    return at_least_fp32(logits), at_least_fp32(boxes)


def _focal_loss(logits: Tensor, onehot: Tensor, config: ModelConfig) -> Tensor:
    """Element-wise sigmoid focal loss (arXiv 1708.02002)."""
    probability = logits.sigmoid()
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, onehot, reduction="none")
    missed = probability + onehot - 2 * probability * onehot  # 1 - p of the right answer
    alpha = config.focal_alpha * onehot + (1 - config.focal_alpha) * (1 - onehot)
    return alpha * missed**config.focal_gamma * cross_entropy


def _denoising_matches(
    targets: Sequence[Target], groups: int, slots: int, predictions: int, device: torch.device
) -> Matches:
    """Which denoising query stands for which box is known: the positives of each group, in the targets' order."""
    counts = [len(target["labels"]) for target in targets]
    image_n = torch.repeat_interleave(torch.tensor(counts))
    target_n = torch.cat([torch.arange(n) for n in counts])
    start_G1 = torch.arange(groups)[:, None] * 2 * slots
    index_4Gn = torch.stack(
        [each_n.expand(groups, -1) for each_n in (image_n, target_n, target_n, torch.arange(sum(counts)))]
    )
    index_4Gn[1] += start_G1
    return Matches(*to_device(index_4Gn.flatten(1), device)[:, None].expand(-1, predictions, -1))
