"""The four pixels around each sampling location, and their bilinear shares.

Shape suffixes: B images, Q queries, S tokens of all scales, M heads, L scales, K points, N is B Q M and P is L K, each
flattened, 4 is a location's corners (above left, above right, below left, below right), 2 is x, y.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor


class Points(NamedTuple):
    """What each point of a query's head needs to know of its scale, in int32."""

    columns_P: Tensor
    rows_P: Tensor
    start_P: Tensor
    """The scale's first token."""


class Axis(NamedTuple):
    """Each location on one axis, between a low pixel and the high one after it."""

    low_NP: Tensor
    """int32, clamped into the scale."""
    high_NP: Tensor
    low_share_NP: Tensor
    """What the low pixel counts; 0 where it is outside the scale."""
    high_share_NP: Tensor
    low_inside_NP: Tensor
    """bool."""
    high_inside_NP: Tensor


class Corners(NamedTuple):
    """Where the samples of all queries and heads come from."""

    x: Axis
    y: Axis

    def shares_N4P(self) -> Tensor:
        """The bilinear weights."""
        ys = (self.y.low_share_NP, self.y.high_share_NP)
        xs = (self.x.low_share_NP, self.x.high_share_NP)
        return torch.stack([y * x for y in ys for x in xs], dim=1)

    def tokens_N4P(self, value_BSME: Tensor, points: Points) -> Tensor:
        """int32 rows of the values as (B S M, E)."""
        b, s, m, _ = value_BSME.shape
        q = len(self.x.low_NP) // (b * m)
        head_M = torch.arange(m, dtype=torch.int32, device=value_BSME.device)
        first_BM = torch.arange(b, dtype=torch.int32, device=value_BSME.device)[:, None] * (s * m) + head_M
        first_N1 = first_BM[:, None].expand(b, q, m).reshape(-1, 1)
        first_NP = first_N1 + points.start_P * m
        xs = (self.x.low_NP * m, self.x.high_NP * m)
        ys = (first_NP + y_NP * (points.columns_P * m) for y_NP in (self.y.low_NP, self.y.high_NP))
        return torch.stack([y + x for y in ys for x in xs], dim=1)


@lru_cache(maxsize=1024)
def points_of(sizes: tuple[int, ...], points: int, device: torch.device) -> Points:
    """Of `points` points in each scale; `sizes` are rows and columns of each scale in turn.

    Kept, since on a GPU each copy from the host waits for the GPU.
    """
    rows, columns = sizes[::2], sizes[1::2]
    starts = [0, *accumulate(h * w for h, w in zip(rows, columns, strict=True))][:-1]
    with torch.inference_mode(False):
        return Points(
            *(
                torch.tensor(values, dtype=torch.int32, device=device).repeat_interleave(points)
                for values in (columns, rows, starts)
            )
        )


def corners(location_BQMLK2: Tensor, points: Points) -> Corners:
    """Of locations in 0..1, with pixel centres at (i + 0.5) / size.

    The order of the steps keeps them few and their inner axis long: most of a processor's time would be spent here.
    """
    x_NP, y_NP = location_BQMLK2.reshape(-1, len(points.columns_P), 2).unbind(-1)
    return Corners(_axis(x_NP, points.columns_P), _axis(y_NP, points.rows_P))


def _axis(at_NP: Tensor, size_P: Tensor) -> Axis:
    pixel_NP = at_NP * size_P - 0.5
    floor_NP = pixel_NP.floor()
    share_NP = pixel_NP - floor_NP
    low_NP = floor_NP.clamp(-2, 2**20).int()  # what is far outside stays outside, and an int32
    high_NP = low_NP + 1
    last_P = size_P - 1
    low_inside_NP = (low_NP >= 0) & (low_NP <= last_P)
    high_inside_NP = (high_NP >= 0) & (high_NP <= last_P)
    return Axis(
        low_NP.clamp_min(0).minimum(last_P),
        high_NP.clamp_min(0).minimum(last_P),
        (1 - share_NP) * low_inside_NP,
        share_NP * high_inside_NP,
        low_inside_NP,
        high_inside_NP,
    )
