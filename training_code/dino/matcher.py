"""One-to-one matching of queries and true boxes (DETR, arXiv 2005.12872, section 3.1) for all layers at once.

Shape suffixes: X predictions to match (decoder layers and the encoder's), B images, N queries, C classes, M boxes of
the fullest image, n matched pairs, 4 is cxcywh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from training_code.dino.boxes import cxcywh_to_xyxy, generalised_iou
from training_code.dino.host_data import to_device
from training_code.dino.outputs import Target
from training_code.dino.precision import at_least_fp32
from training_code.model_config import ModelConfig


@dataclass(frozen=True, slots=True)
class Matches:
    """Matched pairs of every prediction, image by image; n is their number."""

    image: Tensor
    """(X, n)."""

    query: Tensor
    """(X, n)."""

    target: Tensor
    """(X, n) index within the image's own targets."""

    box: Tensor
    """(X, n) index among the targets of all images."""


@torch.no_grad()
def match(logits_XBNC: Tensor, boxes_XBN4: Tensor, targets: Sequence[Target], config: ModelConfig) -> Matches:
    """The cheapest assignment of every image's boxes to its queries, for each of the X predictions.

    One cost tensor and one transfer to the CPU serve all layers and images. The pairs of an image are sorted by
    query. An image with more boxes than queries leaves boxes unmatched.
    """
    device = logits_XBNC.device
    counts = [len(target["labels"]) for target in targets]
    predictions = logits_XBNC.shape[0]
    rows: list[list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]] = [[] for _ in range(predictions)]
    if max(counts, default=0) > 0:
        # A non-finite cost has no best assignment; the loss, then not finite either, is reported.
        cost_XBNM = torch.nan_to_num(matching_cost(logits_XBNC, boxes_XBN4, targets, config)).cpu().numpy()
        for x in range(predictions):
            for b, n in enumerate(counts):
                query, target = linear_sum_assignment(cost_XBNM[x, b, :, :n])
                rows[x].append(np.stack([np.full_like(query, b), query, target, target + sum(counts[:b])]))
    pairs = [np.concatenate(row, axis=1) if row else np.zeros((4, 0), dtype=np.int64) for row in rows]
    return Matches(*to_device(torch.from_numpy(np.stack(pairs, axis=1)), device))


def matching_cost(logits_XBNC: Tensor, boxes_XBN4: Tensor, targets: Sequence[Target], config: ModelConfig) -> Tensor:
    """(X, B, N, M) focal, L1 and GIoU costs, in at least fp32; columns beyond an image's own boxes mean nothing.

    At least one of `targets` has a box.
    """
    counts = [len(target["labels"]) for target in targets]
    starts = [sum(counts[:b]) for b in range(len(counts))]
    # An image's boxes are followed by the next image's; of the last one's, by itself.
    index_BM = (torch.tensor(starts)[:, None] + torch.arange(max(counts))).clamp_(max=sum(counts) - 1)
    index_BM = to_device(index_BM, logits_XBNC.device)
    label_BM = torch.cat([target["labels"] for target in targets])[index_BM]
    boxes_XBN4 = at_least_fp32(boxes_XBN4)
    box_BM4 = torch.cat([target["boxes"] for target in targets])[index_BM].to(boxes_XBN4.dtype)
    probability = at_least_fp32(logits_XBNC).sigmoid()
    alpha, gamma = config.focal_alpha, config.focal_gamma
    negative = (1 - alpha) * probability**gamma * -(1 - probability + 1e-8).log()
    positive = alpha * (1 - probability) ** gamma * -(probability + 1e-8).log()
    index_XBNM = label_BM[None, :, None].expand(*logits_XBNC.shape[:3], -1)
    focal_XBNM = (positive - negative).gather(3, index_XBNM)
    predicted, true = boxes_XBN4[..., :, None, :], box_BM4[:, None]
    l1_XBNM = (predicted - true).abs().sum(-1)
    giou_XBNM = generalised_iou(cxcywh_to_xyxy(predicted), cxcywh_to_xyxy(true))
    return config.cost_bbox * l1_XBNM + config.cost_class * focal_XBNM - config.cost_giou * giou_XBNM
