"""Closes gaps in walls, such as doors that no box covers, so that a room does not run out through them."""

from collections.abc import Iterator, Sequence
from itertools import product

from prediction.vectors.plan import Box
from prediction.vectors.walls import Piece

WIDEST = 6.0
"""A gap of up to so many typical thicknesses is closed: a door's 80 cm in walls of 13."""


def close_gaps(pieces: Sequence[Piece], thickness: float) -> list[Box]:
    """Boxes that close the gaps between free ends of walls and what is within WIDEST before them.

    An end is prolonged to the first wall on its way; a square piece has four. Where two free ends at a right angle
    would meet, both are prolonged to that corner.
    """
    widest = WIDEST * thickness
    both = [*pieces, *(piece.turned() for piece in pieces if piece.square)]
    free = [(piece, outwards) for piece in both for outwards in (-1, 1) if _is_free(piece, outwards)]
    closed = []
    for piece, outwards in free:
        ahead = [gap for other in pieces if (gap := _gap(piece, outwards, other)) is not None]
        if 0 < (nearest := min(ahead, default=0.0)) <= widest:
            end = _end(piece, outwards)
            closed.append(_strip(piece, end, end + outwards * nearest))
    return closed + list(_corners([(piece, outwards) for piece, outwards in free if not piece.square], widest))


def _is_free(piece: Piece, outwards: int) -> bool:
    return not (piece.reach_high if outwards > 0 else piece.reach_low)


def _gap(piece: Piece, outwards: int, other: Piece) -> float | None:
    """How far `other` is before the end, in its way; None if it is not."""
    x0, y0, x1, y1 = other.body
    low, high, top, bottom = (x0, x1, y0, y1) if piece.horizontal else (y0, y1, x0, x1)
    half = piece.thickness / 2
    if bottom <= piece.line - half or top >= piece.line + half:
        return None
    if outwards > 0:
        return max(low - piece.high, 0.0) if high > piece.high else None
    return max(piece.low - high, 0.0) if low < piece.low else None


def _strip(piece: Piece, start: float, end: float) -> Box:
    low, high, half = min(start, end), max(start, end), piece.thickness / 2
    across = piece.line - half, piece.line + half
    return (low, across[0], high, across[1]) if piece.horizontal else (across[0], low, across[1], high)


def _corners(free: Sequence[tuple[Piece, int]], widest: float) -> Iterator[Box]:
    """Two strips for each pair of free ends that would meet in a corner."""
    flat = [(piece, outwards) for piece, outwards in free if piece.horizontal]
    upright = [(piece, outwards) for piece, outwards in free if not piece.horizontal]
    for (one, one_way), (two, two_way) in product(flat, upright):
        one_end, two_end = _end(one, one_way), _end(two, two_way)
        if 0 < (two.line - one_end) * one_way <= widest and 0 < (one.line - two_end) * two_way <= widest:
            yield _strip(one, one_end, two.line + one_way * two.thickness / 2)
            yield _strip(two, two_end, one.line + two_way * one.thickness / 2)


def _end(piece: Piece, outwards: int) -> float:
    return piece.high if outwards > 0 else piece.low
