"""Turns the model's outputs into detections (DETR's way: no non-maximum suppression).

Shape suffixes: B images, N queries, C classes, X is N C flattened, k detections, 4 is cxcywh in shares
of the image or xyxy in pixels.
"""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor

from training_code.dino.boxes import cxcywh_to_xyxy
from training_code.dino.outputs import Prediction
from training_code.dino.precision import at_least_fp32


class Detections(TypedDict):
    """The detections of one image, best first."""

    scores: Tensor
    """(k,) in 0..1."""
    labels: Tensor
    """(k,) category ids."""
    boxes: Tensor
    """(k, 4) xyxy in pixels of the image; may reach beyond its edges."""


@torch.no_grad()
def post_process(outputs: Prediction, sizes: Tensor, num_select: int) -> list[Detections]:
    """The `num_select` best pairs of query and class of each image, or all pairs where there are fewer.

    `sizes` (B, 2) holds each image's height and width in the pixels that the boxes are to be in.
    """
    probability_BNC = at_least_fp32(outputs["pred_logits"]).sigmoid()
    classes = probability_BNC.shape[-1]
    flat_BX = probability_BNC.flatten(1)
    score_Bk, index_Bk = flat_BX.topk(min(num_select, flat_BX.shape[1]), dim=1)
    query_Bk = index_Bk // classes
    box_Bk4 = cxcywh_to_xyxy(at_least_fp32(outputs["pred_boxes"])).gather(1, query_Bk[..., None].expand(-1, -1, 4))
    box_Bk4 = box_Bk4 * sizes.to(box_Bk4).flip(-1).repeat(1, 2)[:, None]
    return [
        {"scores": scores, "labels": labels, "boxes": boxes}
        for scores, labels, boxes in zip(score_Bk, index_Bk % classes, box_Bk4, strict=True)
    ]
