"""Sampling by grid_sample and autograd, the textbook form: what every implementation is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def grid_sample_scales(value: Tensor, location: Tensor, weight: Tensor, sizes: Sequence[int]) -> Tensor:
    """What training_code.dino.sampling.operator.sample does."""
    b, q, m = weight.shape[:3]
    shapes = list(zip(sizes[::2], sizes[1::2], strict=True))
    grid = (2 * location - 1).transpose(1, 2).flatten(0, 1)
    weight = weight.transpose(1, 2).flatten(0, 1).flatten(2)
    sampled = torch.stack(
        [
            functional.grid_sample(
                scale.flatten(2).transpose(1, 2).reshape(b * m, -1, h, w), grid[:, :, level], align_corners=False
            )
            for level, ((h, w), scale) in enumerate(
                zip(shapes, torch.split(value, [h * w for h, w in shapes], dim=1), strict=True)
            )
        ],
        dim=-2,
    ).flatten(-2)
    return (sampled * weight[:, None]).sum(-1).view(b, -1, q).transpose(1, 2).contiguous()
