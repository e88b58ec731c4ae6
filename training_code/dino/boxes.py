"""Box formats, overlap and the inverse sigmoid that boxes are refined in.

Shapes: N and M boxes of two lists, 4 box coordinates, ... any leading dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor

INVERSE_SIGMOID_EPS = 1e-3
"""Distance from 0 and 1 at which the inverse sigmoid is cut off (Deformable DETR uses 1e-5, DINO 1e-3)."""

_AREA_EPS = 1e-6
"""Added to areas before dividing by them: as the reference does; it also keeps empty boxes finite."""


def cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    """(..., 4) centre and size -> (..., 4) left, top, right, bottom."""
    centre, size = boxes.chunk(2, dim=-1)
    half = size / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def xyxy_to_cxcywh(boxes: Tensor) -> Tensor:
    """(..., 4) left, top, right, bottom -> (..., 4) centre and size."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU in -1..1 (Rezatofighi et al. 2019) of xyxy boxes, with the usual broadcasting.

    `a` (..., 4) and `b` (..., 4) -> (...): same shapes give the pairs' values, (N, 1, 4) and (1, M, 4) all N x M.
    """
    (low_a, high_a), (low_b, high_b) = a.chunk(2, dim=-1), b.chunk(2, dim=-1)
    overlap = _area((torch.minimum(high_a, high_b) - torch.maximum(low_a, low_b)).clamp(min=0))
    hull = _area((torch.maximum(high_a, high_b) - torch.minimum(low_a, low_b)).clamp(min=0))
    union = _area(high_a - low_a) + _area(high_b - low_b) - overlap
    return overlap / (union + _AREA_EPS) - (hull - union) / (hull + _AREA_EPS)


def inverse_sigmoid(x: Tensor) -> Tensor:
    """Logit of `x`, which is in 0..1, cut off at INVERSE_SIGMOID_EPS from both ends."""
    return torch.log(x.clamp(min=INVERSE_SIGMOID_EPS) / (1 - x).clamp(min=INVERSE_SIGMOID_EPS))


def _area(size: Tensor) -> Tensor:
    """(..., 2) width and height -> (...)."""
    width, height = size.unbind(-1)
    return width * height
