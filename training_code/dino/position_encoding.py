"""Sine encodings of where a pixel or a box is: one for the encoder's tokens, another for the decoder's queries.

Shape suffixes: B images, H and W rows and columns, Q queries, D d_model, F features of one coordinate (D / 2),
4 is cxcywh.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

QUERY_TEMPERATURE = 10000.0


def encode_pixels(mask_BHW: Tensor, *, d_model: int, temperature: float, dtype: torch.dtype) -> Tensor:
    """Position of every pixel within its image's valid part (DETR's encoding with DAB-DETR's temperature).

    mask (B, H, W), True = padding -> (B, H, W, D): the row's features, then the column's.
    """
    valid_BHW = (~mask_BHW).to(dtype)
    # Without padding, as in an exported model, all pixels of a row have one y, and all of a column one x.
    rows, columns = (valid_BHW[:, :, :1], valid_BHW[:, :1]) if torch.onnx.is_in_onnx_export() else (valid_BHW,) * 2
    y, x = rows.cumsum(1), columns.cumsum(2)
    y = y / (y[:, -1:, :] + 1e-6) * (2 * math.pi)
    x = x / (x[:, :, -1:] + 1e-6) * (2 * math.pi)
    waves = (_waves(axis, d_model // 2, temperature).expand(*mask_BHW.shape, -1) for axis in (y, x))
    return torch.cat(list(waves), dim=-1)


def encode_boxes(boxes_BQ4: Tensor, *, d_model: int) -> Tensor:
    """Position and size of every query's box (DAB-DETR, arXiv 2201.12329, section 4.2).

    (B, Q, 4) cxcywh in 0..1 -> (B, Q, 2 D): features of y, x, w, h, in this order.
    """
    coordinates = (boxes_BQ4 * (2 * math.pi)).unbind(-1)
    return torch.cat([_waves(coordinates[i], d_model // 2, QUERY_TEMPERATURE) for i in (1, 0, 2, 3)], dim=-1)


def _waves(angles: Tensor, features: int, temperature: float) -> Tensor:
    """(...) -> (..., F): sines and cosines in turn, their wavelengths growing up to `temperature`."""
    pair = torch.arange(features, dtype=angles.dtype, device=angles.device) // 2
    scaled = angles[..., None] / temperature ** (2 * pair / features)
    if torch.onnx.is_in_onnx_export():  # in one go: taking them apart and joining them costs more than they do
        return (scaled + torch.arange(features, device=angles.device) % 2 * (math.pi / 2)).sin()
    return torch.stack([scaled[..., 0::2].sin(), scaled[..., 1::2].cos()], dim=-1).flatten(-2)
