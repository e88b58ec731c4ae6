"""From wall boxes to straight walls: duplicates dropped, collinear pieces joined, ends moved to the walls they meet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

from prediction.vectors.boxes import area, shared_area, sides
from prediction.vectors.plan import Box

SQUARE = 0.8
"""From this ratio of its sides on, a box does not tell which way its wall runs; nor does one that is shorter than walls
are thick."""
COVERED = 0.8
"""A box of which another one along the same way covers so much is a wall found twice."""
TOO_THICK = 3.0
"""A box whose shorter side is more than so many typical thicknesses is no straight wall, but perhaps a diagonal one."""
THICKNESS_RATIO = 1.5
"""Collinear pieces are joined if no more than this is between their thicknesses."""
_GRID = 64
"""Parts of a pixel that joined pieces are rounded to: the order of a sum does not show."""


class ScoredBox(NamedTuple):
    """A box and how sure the model is of it."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of wall from `low` to `high` along its way, `thickness` wide around a centre line at `line`."""

    horizontal: bool
    low: float
    high: float
    line: float
    thickness: float
    score: float
    reach_low: float = 0.0
    """How far its body goes on beyond `low`: half of the thickness of the wall that it meets there."""
    reach_high: float = 0.0
    square: bool = False
    """It could as well run the other way, and meets no wall."""

    def turned(self) -> "Piece":
        """The same body as a wall the other way."""
        middle = (self.low + self.high) / 2
        low, high = self.line - self.thickness / 2, self.line + self.thickness / 2
        return replace(self, horizontal=not self.horizontal, low=low, high=high, line=middle, thickness=self.length)

    @property
    def length(self) -> float:
        """Along its way."""
        return self.high - self.low

    @property
    def body(self) -> Box:
        """What it covers."""
        half = self.thickness / 2
        low, high = self.low - self.reach_low, self.high + self.reach_high
        along, across = (low, high), (self.line - half, self.line + half)
        (x0, x1), (y0, y1) = (along, across) if self.horizontal else (across, along)
        return x0, y0, x1, y1


def typical_thickness(boxes: Sequence[ScoredBox]) -> float:
    """The median of the boxes' shorter sides, a longer box counting for more; 0 without a box."""
    both = sorted((min(sides(item.box)), max(sides(item.box))) for item in boxes)
    half, passed = sum(longer for _, longer in both) / 2, 0.0
    for shorter, longer in both:
        passed += longer
        if passed >= half:
            return shorter
    return 0.0


def is_straight(item: ScoredBox, thickness: float) -> bool:
    """Whether it can be a wall along a side of the picture."""
    return min(sides(item.box)) <= TOO_THICK * thickness


def join_pieces(boxes: Sequence[ScoredBox], tolerance: float) -> list[Piece]:
    """Straight pieces of wall, in the order of `boxes`, which otherwise decides nothing.

    Pieces on one line whose ends are within `tolerance`, or which overlap, become one. A square box takes the
    way of the piece that it continues.
    """
    boxes = _without_duplicates(boxes)
    clear = {
        index: _piece(item, _is_wide(item.box))
        for index, item in enumerate(boxes)
        if not _is_square(item.box) and max(sides(item.box)) > tolerance
    }
    pieces = dict(clear)
    for index, item in enumerate(boxes):
        if index in clear:
            continue
        ways = [_piece(item, True), _piece(item, False)]
        fitting = [way for way in ways if any(_continues(way, piece, tolerance) for piece in clear.values())]
        pieces[index] = fitting[0] if len(fitting) == 1 else replace(ways[0], square=True)
    ordered = [pieces[index] for index in sorted(pieces)]
    return [joined for group in _chains(ordered, tolerance) for joined in _join(group)]


def snap_ends(pieces: Sequence[Piece], tolerance: float) -> list[Piece]:
    """`pieces` with each end that is within `tolerance` of a crossing one's face moved to its centre line."""
    return [_snap(piece, [other for other in pieces if _crosses(piece, other)], tolerance) for piece in pieces]


def _snap(piece: Piece, crossing: Sequence[Piece], tolerance: float) -> Piece:
    met = [
        other
        for other in crossing
        if other.low - piece.thickness / 2 - tolerance <= piece.line <= other.high + piece.thickness / 2 + tolerance
    ]
    low = _nearest(piece.low, met, tolerance, outwards=-1)
    high = _nearest(piece.high, met, tolerance, outwards=1)
    start, end = (low.line if low else piece.low), (high.line if high else piece.high)
    if start >= end:  # both ends at the same wall: a stub no longer than that one is thick
        return piece
    return replace(
        piece,
        low=start,
        high=end,
        reach_low=low.thickness / 2 if low else 0.0,
        reach_high=high.thickness / 2 if high else 0.0,
    )


def _nearest(end: float, met: Sequence[Piece], tolerance: float, *, outwards: int) -> Piece | None:
    near = [other for other in met if abs(other.line - end) <= other.thickness / 2 + tolerance]
    return min(near, key=lambda other: (abs(other.line - end), -outwards * other.line), default=None)


def _crosses(piece: Piece, other: Piece) -> bool:
    return piece.horizontal != other.horizontal and not (piece.square or other.square)


def _is_square(box: Box) -> bool:
    return min(sides(box)) >= SQUARE * max(sides(box))


def _is_wide(box: Box) -> bool:
    width, height = sides(box)
    return width > height


def _piece(item: ScoredBox, horizontal: bool) -> Piece:
    x0, y0, x1, y1 = item.box
    low, high, top, bottom = (x0, x1, y0, y1) if horizontal else (y0, y1, x0, x1)
    return Piece(horizontal, low, high, (top + bottom) / 2, bottom - top, item.score)


def _without_duplicates(boxes: Sequence[ScoredBox]) -> list[ScoredBox]:
    by_area = sorted(range(len(boxes)), key=lambda index: -area(boxes[index].box))
    kept: list[int] = []
    for index in by_area:
        box = boxes[index].box
        alike = (boxes[other].box for other in kept if _same_way(box, boxes[other].box))
        if not any(shared_area(box, other) >= COVERED * area(box) for other in alike):
            kept.append(index)
    return [boxes[index] for index in sorted(kept)]


def _same_way(box: Box, other: Box) -> bool:
    return _is_square(box) or _is_square(other) or _is_wide(box) == _is_wide(other)


def _continues(piece: Piece, other: Piece, tolerance: float) -> bool:
    thinner, thicker = sorted((piece.thickness, other.thickness))
    return (
        piece.horizontal == other.horizontal
        and thicker <= THICKNESS_RATIO * thinner
        and abs(piece.line - other.line) <= thinner / 2
        and max(piece.low, other.low) - min(piece.high, other.high) <= tolerance
    )


def _chains(pieces: Sequence[Piece], tolerance: float) -> list[list[Piece]]:
    """The pieces in groups, each linked by pieces that continue each other."""
    group_of = list(range(len(pieces)))
    for first, second in combinations(range(len(pieces)), 2):
        a, b = pieces[first], pieces[second]
        if not (a.square or b.square) and _continues(a, b, tolerance):
            old, new = group_of[second], group_of[first]
            group_of = [new if group == old else group for group in group_of]
    groups: dict[int, list[Piece]] = {}
    for piece, group in zip(pieces, group_of, strict=True):
        groups.setdefault(group, []).append(piece)
    return list(groups.values())


def _join(group: Sequence[Piece]) -> Iterator[Piece]:
    """One piece with the mean line and thickness; the pieces as they are if one would be moved too far."""
    length = sum(piece.length for piece in group)
    line = round(sum(piece.line * piece.length for piece in group) / length * _GRID) / _GRID
    thickness = round(sum(piece.thickness * piece.length for piece in group) / length * _GRID) / _GRID
    if len(group) == 1 or any(abs(piece.line - line) > piece.thickness / 2 for piece in group) or not thickness:
        yield from group
        return
    low, high = min(piece.low for piece in group), max(piece.high for piece in group)
    yield Piece(group[0].horizontal, low, high, line, thickness, min(piece.score for piece in group))
