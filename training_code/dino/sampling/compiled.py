"""Sampling as torch.compile makes it of a few plain lines: on a GPU the bar that hand-written kernels must beat.

Shape suffixes: those of plain.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training_code.dino.sampling.corners import Points, corners, points_of
from training_code.dino.sampling.plain import location_and_weight_gradients


def sample(value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]) -> Tensor:
    """-> (B, Q, D), in the type of the weights."""
    points = points_of(tuple(sizes), weight_BQMLK.shape[-1], value_BSME.device)
    return _sample(value_BSME, location_BQMLK2, weight_BQMLK, points)


def sample_backward(
    grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """-> the gradients of values, locations and weights, each in its input's type."""
    points = points_of(tuple(sizes), weight_BQMLK.shape[-1], value_BSME.device)
    return _sample_backward(grad_BQD, value_BSME, location_BQMLK2, weight_BQMLK, points)


@torch.compile(dynamic=True, fullgraph=True)
def _sample(value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, points: Points) -> Tensor:
    at = corners(location_BQMLK2, points)
    share_N4P = at.shares_N4P() * weight_BQMLK.flatten(3).flatten(0, 2)[:, None]
    value_GE = value_BSME.flatten(0, 2)
    value_NTE = value_GE[at.tokens_N4P(value_BSME, points).flatten(1)]
    return (value_NTE * share_N4P.flatten(1)[..., None]).sum(1).view(*weight_BQMLK.shape[:2], -1)


@torch.compile(dynamic=True, fullgraph=True)
def _sample_backward(
    grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, points: Points
) -> tuple[Tensor, Tensor, Tensor]:
    at = corners(location_BQMLK2, points)
    tokens_NT = at.tokens_N4P(value_BSME, points).flatten(1)
    weight_NP = weight_BQMLK.flatten(3).flatten(0, 2)
    value_GE = value_BSME.flatten(0, 2)
    grad_NE = grad_BQD.reshape(len(weight_NP), -1).to(weight_NP.dtype)
    share_N4P = at.shares_N4P()
    dot_N4P = (value_GE[tokens_NT] * grad_NE[:, None]).sum(-1).view(share_N4P.shape)
    share_NT1 = (share_N4P * weight_NP[:, None]).flatten(1)[..., None]
    grad_value_GE = torch.zeros_like(value_GE, dtype=weight_NP.dtype)
    grad_value_GE = grad_value_GE.index_put((tokens_NT,), share_NT1 * grad_NE[:, None], accumulate=True)
    grad_location_NP2, grad_weight_NP = location_and_weight_gradients(dot_N4P, at, weight_NP, points)
    return (
        grad_value_GE.view_as(value_BSME).to(value_BSME.dtype),
        grad_location_NP2.view_as(location_BQMLK2),
        grad_weight_NP.view_as(weight_BQMLK),
    )
