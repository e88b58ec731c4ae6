"""Sampling in plain PyTorch: a query's samples are a bag of tokens, summed by their weights.

The bags are rows of a sparse matrix A of queries by tokens: the forward pass is A times the values, the gradient of the
values is the transposed A times the output's, that of the weights the product of both where A is not zero.

Shape suffixes: those of corners.py, and D is M E, G is B T M flattened.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training_code.dino.sampling.corners import Corners, Points, bordered, corners, points_of, unbordered

# PyTorch says so of every CSR tensor; the one here only carries indices into sampled_addmm.
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")


def sample(value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]) -> Tensor:
    """-> (B, Q, D), in the type of the weights."""
    at = corners(location_BQMLK2, points_of_call(value_BSME, weight_BQMLK, sizes))
    summed_NE = functional.embedding_bag(
        at.tokens_N4P.flatten(1),
        bordered(value_BSME, sizes, weight_BQMLK.dtype).flatten(0, 2),
        per_sample_weights=at.shares_N4P(_flat(weight_BQMLK)).flatten(1),
        mode="sum",
    )
    return summed_NE.view(*weight_BQMLK.shape[:2], -1)


def sample_backward(
    grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """-> the gradients of values, locations and weights, each in its input's type."""
    points = points_of_call(value_BSME, weight_BQMLK, sizes)
    at = corners(location_BQMLK2, points)
    weight_NP = _flat(weight_BQMLK)
    grad_NE = grad_BQD.reshape(len(weight_NP), -1).to(weight_NP.dtype)
    value_BTME = bordered(value_BSME, sizes, weight_NP.dtype)
    value_GE = value_BTME.flatten(0, 2)
    on_cpu = grad_NE.device.type == "cpu"
    dot_N4P = (_dots_on_cpu if on_cpu else _dots)(grad_NE, value_GE, at.tokens_N4P)
    shares_N4P = at.shares_N4P(weight_NP)
    grad_value_GE = (_scatter_on_cpu if on_cpu else _scatter)(grad_NE, at.tokens_N4P, shares_N4P, len(value_GE))
    grad_pixel_NP2, grad_weight_NP = pixel_and_weight_gradients(dot_N4P, at, weight_NP)
    return (
        unbordered(grad_value_GE.view_as(value_BTME), sizes).to(value_BSME.dtype),
        (grad_pixel_NP2.view(*grad_BQD.shape[:2], -1) * points.size_Y).view_as(location_BQMLK2),
        grad_weight_NP.view_as(weight_BQMLK),
    )


def points_of_call(value_BSME: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]) -> Points:
    b, _, m, _ = value_BSME.shape
    return points_of(tuple(sizes), (b, m, weight_BQMLK.shape[-1]), weight_BQMLK.dtype, value_BSME.device)


def pixel_and_weight_gradients(dot_N4P: Tensor, at: Corners, weight_NP: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of locations in pixels (N, P, 2) and of weights (N, P).

    `dot_N4P` are the corners' values times the output's gradient.
    """
    # Whole axes, one after the other: on a CPU this takes half the time of views of eight numbers each.
    dot_4NP = dot_N4P.transpose(0, 1).contiguous()
    x_NP, y_NP = at.x_NP.contiguous(), at.y_NP.contiguous()
    left_2NP = dot_4NP[::2]
    across_2NP = dot_4NP[1::2] - left_2NP
    across_above_NP, across_below_NP = across_2NP.unbind(0)
    above_NP, below_NP = torch.addcmul(left_2NP, across_2NP, x_NP).unbind(0)
    down_NP = below_NP - above_NP
    grad_weight_NP = torch.addcmul(above_NP, down_NP, y_NP)
    grad_pixel_NP2 = weight_NP.new_empty(*weight_NP.shape, 2)
    grad_pixel_NP2[..., 0] = torch.lerp(across_above_NP, across_below_NP, y_NP) * weight_NP
    grad_pixel_NP2[..., 1] = down_NP * weight_NP
    return grad_pixel_NP2, grad_weight_NP


def _flat(weight_BQMLK: Tensor) -> Tensor:
    return weight_BQMLK.flatten(3).flatten(0, 2)


def _dots_on_cpu(grad_NE: Tensor, value_GE: Tensor, tokens_N4P: Tensor) -> Tensor:
    """Each bag's gradient times the value of each of its tokens."""
    starts, tokens = _bag_starts(tokens_N4P), tokens_N4P.flatten()
    where_NG = torch.sparse_csr_tensor(
        starts, tokens, grad_NE.new_zeros(len(tokens)), (len(grad_NE), len(value_GE)), check_invariants=False
    )
    torch.sparse.sampled_addmm(where_NG, grad_NE, value_GE.t(), beta=0.0, out=where_NG)
    return where_NG.values().view(tokens_N4P.shape)


def _scatter_on_cpu(grad_NE: Tensor, tokens_N4P: Tensor, share_N4P: Tensor, rows: int) -> Tensor:
    """Each row's sum of the gradients of the bags that it is in (G, E).

    A bag is a column of the transposed A, whose columns SciPy adds one after the other: nothing is sorted, and no
    threads collide.
    """
    from scipy import sparse  # noqa: PLC0415  prediction does without SciPy

    parts = (share_N4P.flatten().numpy(), tokens_N4P.flatten().numpy(), _bag_starts(tokens_N4P).numpy())
    transposed_GN = sparse.csc_array(parts, shape=(rows, len(grad_NE)), copy=False)
    summed_GE: np.ndarray[tuple[int, int], np.dtype[np.floating]] = transposed_GN @ grad_NE.numpy()
    return torch.from_numpy(summed_GE)


def _bag_starts(tokens_N4P: Tensor) -> Tensor:
    """(N + 1), int32."""
    n, tokens = len(tokens_N4P), tokens_N4P[0].numel()
    return torch.arange(0, n * tokens + 1, tokens, dtype=torch.int32)


def _dots(grad_NE: Tensor, value_GE: Tensor, tokens_N4P: Tensor) -> Tensor:
    bag, start_N = _bags(tokens_N4P)
    dots: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        grad_NE, value_GE, tokens_N4P.flatten(), start_N, bag, 0
    )
    return dots.view(tokens_N4P.shape)


def _scatter(grad_NE: Tensor, tokens_N4P: Tensor, share_N4P: Tensor, rows: int) -> Tensor:
    bag, _ = _bags(tokens_N4P)
    none = bag[:0]
    grad_GE: Tensor = torch.ops.aten._embedding_bag_dense_backward(
        grad_NE, tokens_N4P.flatten(), bag, none, none, rows, False, 0, share_N4P.flatten(), -1
    )
    return grad_GE


def _bags(tokens_N4P: Tensor) -> tuple[Tensor, Tensor]:
    """The bag of each token, and each bag's first token: what embedding_bag keeps for its backward pass."""
    n, tokens = len(tokens_N4P), tokens_N4P[0].numel()
    bag_N = torch.arange(n, dtype=torch.int32, device=tokens_N4P.device)
    return bag_N[:, None].expand(n, tokens).flatten(), bag_N * tokens
