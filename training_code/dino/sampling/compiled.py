"""Sampling as torch.compile makes it of a few plain lines: on a GPU the bar that hand-written kernels must beat.

Shape suffixes: those of plain.py, and U is 4 P flattened.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from training_code.dino.sampling.corners import Points, bordered, corners, unbordered
from training_code.dino.sampling.plain import pixel_and_weight_gradients, points_of_call


def sample(value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]) -> Tensor:
    """-> (B, Q, D), in the type of the weights."""
    value_BTME = bordered(value_BSME, sizes, value_BSME.dtype)
    return _sample(value_BTME, location_BQMLK2, weight_BQMLK, points_of_call(value_BSME, weight_BQMLK, sizes))


def sample_backward(
    grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """-> the gradients of values, locations and weights, each in its input's type."""
    value_BTME = bordered(value_BSME, sizes, value_BSME.dtype)
    points = points_of_call(value_BSME, weight_BQMLK, sizes)
    grad_value_BTME, grad_pixel_NP2, grad_weight_NP = _sample_backward(
        grad_BQD, value_BTME, location_BQMLK2, weight_BQMLK, points
    )
    return (
        unbordered(grad_value_BTME, sizes),
        (grad_pixel_NP2.view(*grad_BQD.shape[:2], -1) * points.size_Y).view_as(location_BQMLK2),
        grad_weight_NP.view_as(weight_BQMLK),
    )


@torch.compile(dynamic=True, fullgraph=True)
def _sample(value_BTME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, points: Points) -> Tensor:
    at = corners(location_BQMLK2, points)
    share_N4P = at.shares_N4P(weight_BQMLK.flatten(3).flatten(0, 2))
    value_NUE = value_BTME.flatten(0, 2)[at.tokens_N4P.flatten(1)]
    return (value_NUE * share_N4P.flatten(1)[..., None]).sum(1).view(*weight_BQMLK.shape[:2], -1)


@torch.compile(dynamic=True, fullgraph=True)
def _sample_backward(
    grad_BQD: Tensor, value_BTME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, points: Points
) -> tuple[Tensor, Tensor, Tensor]:
    at = corners(location_BQMLK2, points)
    tokens_NU = at.tokens_N4P.flatten(1)
    weight_NP = weight_BQMLK.flatten(3).flatten(0, 2)
    value_GE = value_BTME.flatten(0, 2)
    grad_NE = grad_BQD.reshape(len(weight_NP), -1).to(weight_NP.dtype)
    share_NU1 = at.shares_N4P(weight_NP).flatten(1)[..., None]
    dot_N4P = (value_GE[tokens_NU] * grad_NE[:, None]).sum(-1).view(at.tokens_N4P.shape)
    grad_value_GE = torch.zeros_like(value_GE, dtype=weight_NP.dtype)
    grad_value_GE = grad_value_GE.index_put((tokens_NU,), share_NU1 * grad_NE[:, None], accumulate=True)
    grad_value_BTME = grad_value_GE.view_as(value_BTME).to(value_BTME.dtype)
    return grad_value_BTME, *pixel_and_weight_gradients(dot_N4P, at, weight_NP)
