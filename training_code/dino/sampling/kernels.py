"""Sampling by Triton kernels, for CUDA: a program gathers for a block of queries and one head.

No sample is ever written to memory. The gradient of the values is added up atomically in the type of the weights: in
bf16 such sums lose small parts.

Shape suffixes: B images, Q queries, S tokens of all scales, M heads, E features of a head, D is M E, L scales, K
points; q a block of queries, e the features filled up to a power of two; 2 is x, y, 3 is rows, columns, first token.
"""

# ruff: noqa: ANN001, ANN002, ANN202, PLR0124, PLR0917  what @triton.jit compiles has no Python types, and no isnan
# mypy: disable-error-code="no-untyped-def, no-untyped-call, import-untyped, untyped-decorator"
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import torch
import triton
import triton.language as tl
from torch import Tensor

QUERIES = 32
"""Of a program: with 32 features a head, its four warps hold eight numbers a thread."""


def sample(value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]) -> Tensor:
    """-> (B, Q, D), in the type of the weights."""
    out_BQD = weight_BQMLK.new_empty(*weight_BQMLK.shape[:2], value_BSME.shape[2] * value_BSME.shape[3])
    _launch(_sample, value_BSME, location_BQMLK2, weight_BQMLK, sizes, out_BQD)
    return out_BQD


def sample_backward(
    grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """-> the gradients of values, locations and weights, each in its input's type."""
    row_by_row = torch.contiguous_format
    grad_value_BSME = torch.zeros_like(value_BSME, dtype=weight_BQMLK.dtype, memory_format=row_by_row)
    grad_location_BQMLK2, grad_weight_BQMLK = (
        torch.empty_like(x, memory_format=row_by_row) for x in (location_BQMLK2, weight_BQMLK)
    )
    grads = (grad_BQD.contiguous(), grad_value_BSME, grad_location_BQMLK2, grad_weight_BQMLK)
    _launch(_sample_backward, value_BSME, location_BQMLK2, weight_BQMLK, sizes, *grads)
    return grad_value_BSME.to(value_BSME.dtype), grad_location_BQMLK2, grad_weight_BQMLK


def _launch(kernel, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int], *more):
    """`kernel` for each block of queries, head and image; `more` are its tensors beside the three inputs."""
    b, q, m, levels, k = weight_BQMLK.shape
    s, e = value_BSME.shape[1], value_BSME.shape[3]
    with torch.cuda.device_of(value_BSME):  # Triton launches on the current GPU, whichever has the tensors
        kernel[triton.cdiv(q, QUERIES), m, b](
            value_BSME.contiguous(),
            location_BQMLK2.contiguous(),
            weight_BQMLK.contiguous(),
            _scales(tuple(sizes), value_BSME.device),
            *more,
            q,
            s,
            M=m,
            E=e,
            L=levels,
            K=k,
            BLOCK_Q=QUERIES,
            BLOCK_E=triton.next_power_of_2(e),
        )


@lru_cache(maxsize=1024)
def _scales(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """(L, 3); kept, since each copy from the host waits for the GPU."""
    shapes = list(zip(sizes[::2], sizes[1::2], strict=True))
    starts = [0, *accumulate(h * w for h, w in shapes)]
    with torch.inference_mode(False):
        rows = [[h, w, start] for (h, w), start in zip(shapes, starts, strict=False)]
        return torch.tensor(rows, dtype=torch.int32, device=device)


@triton.jit
def _axis(at_q, size):
    """Each location's low pixel, and its shares of the low and the high one."""
    # A location far outside stays outside, and its pixel an int32. One that is not a number must not pass for such a
    # one: at the first pixel its shares are no numbers either, and the loss is none, which training reports.
    every: tl.constexpr = tl.PropagateNan.ALL
    pixel_q = tl.minimum(tl.maximum(at_q * size - 0.5, -2.0, every), size + 1.0, every)
    floor_q = tl.floor(pixel_q)
    high_share_q = pixel_q - floor_q
    return tl.where(floor_q == floor_q, floor_q, 0.0).to(tl.int32), 1.0 - high_share_q, high_share_q


@triton.jit
def _sample(
    value_ptr, location_ptr, weight_ptr, scales_ptr, out_ptr, Q, S,
    M: tl.constexpr, E: tl.constexpr, L: tl.constexpr, K: tl.constexpr, BLOCK_Q: tl.constexpr, BLOCK_E: tl.constexpr,
):  # fmt: skip
    query_q = tl.program_id(0) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    m, b = tl.program_id(1), tl.program_id(2)
    feature_e = tl.arange(0, BLOCK_E)
    known_q, known_e = query_q < Q, feature_e < E
    bag_q = (b.to(tl.int64) * Q + query_q) * M + m
    value_ptr += (b.to(tl.int64) * S * M + m) * E
    sum_qe = tl.zeros((BLOCK_Q, BLOCK_E), dtype=weight_ptr.dtype.element_ty)
    for level in range(L):
        height, width = tl.load(scales_ptr + level * 3), tl.load(scales_ptr + level * 3 + 1)
        start = tl.load(scales_ptr + level * 3 + 2)
        for k in range(K):
            point_q = bag_q * (L * K) + level * K + k
            weight_q = tl.load(weight_ptr + point_q, mask=known_q, other=0.0)
            x_q, left_q, right_q = _axis(tl.load(location_ptr + point_q * 2, mask=known_q, other=0.0), width)
            y_q, top_q, bottom_q = _axis(tl.load(location_ptr + point_q * 2 + 1, mask=known_q, other=0.0), height)
            for corner in tl.static_range(4):
                at_x_q, at_y_q = x_q + corner % 2, y_q + corner // 2
                inside_q = known_q & (at_x_q >= 0) & (at_x_q < width) & (at_y_q >= 0) & (at_y_q < height)
                token_q = start + at_y_q * width + at_x_q
                value_qe = tl.load(
                    value_ptr + token_q[:, None] * (M * E) + feature_e,
                    mask=inside_q[:, None] & known_e,
                    other=0.0,
                )
                share_x_q = right_q if corner % 2 else left_q
                share_y_q = bottom_q if corner // 2 else top_q
                sum_qe += value_qe.to(sum_qe.dtype) * (share_x_q * share_y_q * weight_q)[:, None]
    tl.store(out_ptr + bag_q[:, None] * E + feature_e, sum_qe, mask=known_q[:, None] & known_e)


@triton.jit
def _sample_backward(
    value_ptr, location_ptr, weight_ptr, scales_ptr, grad_ptr, grad_value_ptr, grad_location_ptr, grad_weight_ptr, Q, S,
    M: tl.constexpr, E: tl.constexpr, L: tl.constexpr, K: tl.constexpr, BLOCK_Q: tl.constexpr, BLOCK_E: tl.constexpr,
):  # fmt: skip
    query_q = tl.program_id(0) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    m, b = tl.program_id(1), tl.program_id(2)
    feature_e = tl.arange(0, BLOCK_E)
    known_q, known_e = query_q < Q, feature_e < E
    bag_q = (b.to(tl.int64) * Q + query_q) * M + m
    first = (b.to(tl.int64) * S * M + m) * E
    dtype: tl.constexpr = weight_ptr.dtype.element_ty
    grad_qe = tl.load(grad_ptr + bag_q[:, None] * E + feature_e, mask=known_q[:, None] & known_e, other=0.0).to(dtype)
    for level in range(L):
        height, width = tl.load(scales_ptr + level * 3), tl.load(scales_ptr + level * 3 + 1)
        start = tl.load(scales_ptr + level * 3 + 2)
        for k in range(K):
            point_q = bag_q * (L * K) + level * K + k
            weight_q = tl.load(weight_ptr + point_q, mask=known_q, other=0.0)
            x_q, left_q, right_q = _axis(tl.load(location_ptr + point_q * 2, mask=known_q, other=0.0), width)
            y_q, top_q, bottom_q = _axis(tl.load(location_ptr + point_q * 2 + 1, mask=known_q, other=0.0), height)
            grad_weight_q = tl.zeros((BLOCK_Q,), dtype=dtype)
            grad_x_q = tl.zeros((BLOCK_Q,), dtype=dtype)
            grad_y_q = tl.zeros((BLOCK_Q,), dtype=dtype)
            for corner in tl.static_range(4):
                at_x_q, at_y_q = x_q + corner % 2, y_q + corner // 2
                inside_q = known_q & (at_x_q >= 0) & (at_x_q < width) & (at_y_q >= 0) & (at_y_q < height)
                inside_qe = inside_q[:, None] & known_e
                token_q = start + at_y_q * width + at_x_q
                place_qe = first + token_q[:, None].to(tl.int64) * (M * E) + feature_e
                value_qe = tl.load(value_ptr + place_qe, mask=inside_qe, other=0.0).to(dtype)
                share_x_q = right_q if corner % 2 else left_q
                share_y_q = bottom_q if corner // 2 else top_q
                dot_q = tl.sum(value_qe * grad_qe, axis=1)
                grad_weight_q += dot_q * share_x_q * share_y_q
                grad_x_q += dot_q * share_y_q if corner % 2 else -dot_q * share_y_q
                grad_y_q += dot_q * share_x_q if corner // 2 else -dot_q * share_x_q
                share_qe = (share_x_q * share_y_q * weight_q)[:, None] * grad_qe
                tl.atomic_add(grad_value_ptr + place_qe, share_qe, mask=inside_qe, sem="relaxed")
            tl.store(grad_weight_ptr + point_q, grad_weight_q, mask=known_q)
            tl.store(grad_location_ptr + point_q * 2, grad_x_q * weight_q * width, mask=known_q)
            tl.store(grad_location_ptr + point_q * 2 + 1, grad_y_q * weight_q * height, mask=known_q)
