"""The four pixels around each sampling location, and their bilinear shares.

Every scale gets a border of zeros, and what is outside is moved into it: no pixel has to be asked whether it is inside.

Shape suffixes: B images, Q queries, S tokens of all scales, T with their borders, M heads, E features of a head, L
scales, K points, H and W rows and columns, N is B Q M, P is L K, X is M L K and Y is M L K 2, each flattened, 4 is a
location's corners (above left, above right, below left, below right), 2 is x, y.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

BORDER = 2
"""Pixels on each side of a scale: a location in the border reads two of them, which are both zero."""


class Points(NamedTuple):
    """What each point of each head needs to know of its scale, in fp where it is compared with locations."""

    size_Y: Tensor
    """Columns for x, rows for y; also the farthest that a low pixel may be."""
    outside_Y: Tensor
    """The nearest that it may be: -BORDER."""
    row_X: Tensor
    """Tokens from one row to the next, in int32 like all of these."""
    base_B1X: Tensor
    """The token of the scale's first pixel."""
    first_B1X: Tensor
    """That of its border."""
    last_B1X: Tensor
    """The last one that has a corner to the right and below."""


class Corners(NamedTuple):
    """Where the samples of all queries and heads come from."""

    x_NP: Tensor
    """What the right pixels count; the left ones count the rest."""
    y_NP: Tensor
    """What the lower pixels count."""
    tokens_N4P: Tensor
    """int32 rows of bordered values as (B T M, E)."""

    def shares_N4P(self, weight_NP: Tensor) -> Tensor:
        """The bilinear weights times `weight_NP`."""
        below_NP = weight_NP * self.y_NP
        above_NP = weight_NP - below_NP
        above_right_NP, below_right_NP = above_NP * self.x_NP, below_NP * self.x_NP
        return torch.stack(
            [above_NP - above_right_NP, above_right_NP, below_NP - below_right_NP, below_right_NP], dim=1
        )


def bordered(value_BSME: Tensor, sizes: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Values with a border of zeros around each scale -> (B, T, M, E), in `dtype`."""
    b, _, m, e = value_BSME.shape
    shapes = _shapes(sizes)
    tokens = sum((h + 2 * BORDER) * (w + 2 * BORDER) for h, w in shapes)
    bordered_BTME = value_BSME.new_zeros(b, tokens, m, e, dtype=dtype)
    parts_BsME = torch.split(value_BSME, [h * w for h, w in shapes], dim=1)
    for inside_BHWME, part_BsME in zip(_insides(bordered_BTME, shapes), parts_BsME, strict=True):
        inside_BHWME.copy_(part_BsME.view(inside_BHWME.shape))
    return bordered_BTME


def unbordered(bordered_BTME: Tensor, sizes: Sequence[int]) -> Tensor:
    """The values without their borders -> (B, S, M, E)."""
    return torch.cat([inside_BHWME.flatten(1, 2) for inside_BHWME in _insides(bordered_BTME, _shapes(sizes))], dim=1)


@lru_cache(maxsize=1024)
def points_of(
    sizes: tuple[int, ...], shape_BMK: tuple[int, int, int], dtype: torch.dtype, device: torch.device
) -> Points:
    """Of so many images, heads and points in each scale; `sizes` are rows and columns of each scale in turn.

    Kept, since on a GPU each copy from the host waits for the GPU.
    """
    images, heads, points = shape_BMK
    shapes = _shapes(sizes)
    rows, starts, total = [w + 2 * BORDER for _, w in shapes], [], 0
    for (h, _), row in zip(shapes, rows, strict=True):
        starts.append(total)
        total += (h + 2 * BORDER) * row
    bases = [start + BORDER * (row + 1) for start, row in zip(starts, rows, strict=True)]
    lasts = [start - row - 2 for start, row in zip([*starts[1:], total], rows, strict=True)]
    with torch.inference_mode(False):
        size_Y = torch.tensor([(w, h) for h, w in shapes], dtype=dtype).repeat_interleave(points, 0).repeat(heads, 1)
        row_X, base_X, first_X, last_X = (
            (torch.tensor(tokens, dtype=torch.int32) * heads).repeat_interleave(points).repeat(heads)
            for tokens in (rows, bases, starts, lasts)
        )
        head_X = torch.arange(heads, dtype=torch.int32).repeat_interleave(len(shapes) * points)
        image_B11 = torch.arange(images, dtype=torch.int32)[:, None, None] * (total * heads)
        of_each = (size_Y.flatten(), torch.full_like(size_Y.flatten(), -BORDER), row_X)
        of_each_image = (image_B11 + head_X + token_X for token_X in (base_X, first_X, last_X))
        return Points(*(table.to(device) for table in (*of_each, *of_each_image)))


def corners(location_BQMLK2: Tensor, points: Points) -> Corners:
    """Of locations in 0..1, with pixel centres at (i + 0.5) / size.

    The order of the steps keeps them few and their inner axis long: most of a processor's time would be spent here.
    """
    b, q, m, n, k, _ = location_BQMLK2.shape
    pixel_BQY = (location_BQMLK2.reshape(b, q, -1) * points.size_Y).sub_(0.5)
    pixel_BQY = pixel_BQY.clamp(points.outside_Y, points.size_Y)
    low_BQY = pixel_BQY.floor()
    x_NP, y_NP = pixel_BQY.sub_(low_BQY).view(b * q * m, n * k, 2).unbind(-1)
    low_x_BQX, low_y_BQX = low_BQY.int().view(b, q, -1, 2).unbind(-1)
    token_BQX = (low_y_BQX * points.row_X).add_(low_x_BQX, alpha=m).add_(points.base_B1X)
    # Of a location that is not a number, too, the token is one of the scale's.
    above_BQX = token_BQX.clamp(points.first_B1X, points.last_B1X)
    below_BQX = above_BQX + points.row_X
    tokens = [x.view(-1, n * k) for x in (above_BQX, above_BQX + m, below_BQX, below_BQX + m)]
    return Corners(x_NP, y_NP, torch.stack(tokens, dim=1))


def _shapes(sizes: Sequence[int]) -> list[tuple[int, int]]:
    return list(zip(sizes[::2], sizes[1::2], strict=True))


def _insides(bordered_BTME: Tensor, shapes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Views (B, H, W, M, E) of each scale without its border."""
    whole = [(h + 2 * BORDER, w + 2 * BORDER) for h, w in shapes]
    parts_BtME = torch.split(bordered_BTME, [h * w for h, w in whole], dim=1)
    return [
        part_BtME.view(len(part_BtME), *size, *part_BtME.shape[2:])[:, BORDER:-BORDER, BORDER:-BORDER]
        for part_BtME, size in zip(parts_BtME, whole, strict=True)
    ]
