"""Which overlapping tiles a large plan is cut into."""

from __future__ import annotations

import math
from typing import NamedTuple

MIN_TILE = 64
"""Pixels."""
OVERLAP = 0.25
"""Of a tile's side: what is not longer is whole on one tile at least."""

AUTO_FROM = 3.0
"""How many times larger than the model's input a plan is from which on it is cut unless somebody says otherwise."""
AUTO_TILE = 2.0
"""How many times larger the tiles are then."""


class Tile(NamedTuple):
    """A part of a picture: its left, top, right and bottom in pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


def tiles_of(size: tuple[int, int], side: int) -> list[Tile]:
    """Tiles of `side` pixels, or the picture's where that is less, at even distances; row by row.

    Neighbours share OVERLAP of a tile's side or more.
    """
    columns, rows = (_spans(length, side) for length in size)
    return [Tile(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns]


def auto_side(size: tuple[int, int], max_side: int) -> int:
    """The side of the tiles of a plan of `size` for a model that takes `max_side` pixels; 0 to take it as a whole."""
    return round(AUTO_TILE * max_side) if max(size) > AUTO_FROM * max_side else 0


def _spans(length: int, side: int) -> list[tuple[int, int]]:
    if length <= side:
        return [(0, length)]
    count = math.ceil((length - side) / (side * (1 - OVERLAP))) + 1
    starts = [round(number * (length - side) / (count - 1)) for number in range(count)]
    return [(start, start + side) for start in starts]
