"""Sine encodings of where a pixel or a box is: one for the encoder's tokens, another for the decoder's queries.

Shape suffixes: B images, A rows of all scales, then columns of all, Q queries, D d_model, F features of one coordinate
(D / 2), f half of them, 4 is cxcywh.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training_code.dino.scales import Scales

QUERY_TEMPERATURE = 10000.0


def encode_lines(scales: Scales, *, d_model: int, temperature: float) -> Tensor:
    """Position of every row and column of each scale within its valid part -> (B, A, F).

    A pixel's encoding has its row's features, then its column's (DETR's encoding with DAB-DETR's temperature).
    """
    size_BA = scales.valid_size_BL2.flatten(1)[:, scales.side_A]
    share_BA = scales.line_A / (size_BA + 1e-6)
    return _waves(share_BA, angular_frequencies(d_model // 2, temperature, share_BA))


def encode_boxes(boxes_BQ4: Tensor, frequency_f: Tensor) -> Tensor:
    """Position and size of every query's box (DAB-DETR, arXiv 2201.12329, section 4.2).

    (B, Q, 4) cxcywh in 0..1 -> (B, Q, 2 D): features of y, x, w, h, in this order.
    """
    x, y, size = torch.split(boxes_BQ4, [1, 1, 2], dim=-1)
    return _waves(torch.cat([y, x, size], dim=-1), frequency_f).flatten(-2)


def angular_frequencies(features: int, temperature: float, like: Tensor) -> Tensor:
    """What a coordinate in 0..1 is multiplied by -> (f,); the wavelengths grow up to `temperature`."""
    pair_f = torch.arange(features // 2, dtype=like.dtype, device=like.device)
    return 2 * math.pi / temperature ** (2 * pair_f / features)


def _waves(coordinates: Tensor, frequency_f: Tensor) -> Tensor:
    """(...) -> (..., F): sines and cosines in turn."""
    if torch.onnx.is_in_onnx_export():  # in one go: taking them apart and joining them costs more than they do
        angles = coordinates[..., None] * frequency_f.repeat_interleave(2)
        return (angles + torch.arange(2 * len(frequency_f), device=angles.device) % 2 * (math.pi / 2)).sin()
    angles = coordinates[..., None] * frequency_f
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)
