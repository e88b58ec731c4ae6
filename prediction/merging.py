"""Joins what was found on the tiles of a plan, and on the whole of it, so that no object is doubled or cut.

Two boxes of one class that two tiles found are the same object if they are the same box within the area that both tiles
see. Of an object that a tile sees whole, the best of those boxes counts; of one that no tile sees whole, the pieces
together. An object longer than a tile may show no end on any, so it is also taken from the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from prediction.tiling import Tile

if TYPE_CHECKING:
    from prediction.predictor import Detection

SAME = 0.5
"""The IoU from which two boxes are one object."""
INSIDE = 0.7
"""The share of its area from which a piece belongs to a larger box of its class."""
EDGE = 0.015
"""How far an edge may be off, as a share of the side of the picture or tile on which it was found."""

Box = tuple[float, float, float, float]


class _Piece(NamedTuple):
    """What one tile found, in pixels of the whole picture."""

    detection: Detection
    tile: Tile
    cut: tuple[bool, bool, bool, bool]
    """Left, top, right, bottom: the tile ends there, so that the object may go on."""


def merge(
    by_tile: Sequence[tuple[Tile, Sequence[Detection]]], whole: Sequence[Detection], size: tuple[int, int]
) -> list[Detection]:
    """All objects once, best first. Boxes are in pixels of the whole picture, which has `size` (width, height).

    `whole` was found on the whole picture: of it counts what is longer than a tile and was not found on tiles.
    """
    side = max((max(tile.x1 - tile.x0, tile.y1 - tile.y0) for tile, _ in by_tile), default=0)
    pieces = [_piece(each, tile, size, EDGE * side) for tile, found in by_tile for each in found]
    large = [each for each in whole if long_side(each.box) > side]
    merged: list[Detection] = []
    for label in dict.fromkeys(each.label for each in (*(piece.detection for piece in pieces), *large)):
        merged += _merge_class(
            [piece for piece in pieces if piece.detection.label == label],
            [each for each in large if each.label == label],
            tolerance=EDGE * side,
            coarse_tolerance=EDGE * max(size),
        )
    return sorted(merged, key=lambda each: -each.score)


def _piece(detection: Detection, tile: Tile, size: tuple[int, int], tolerance: float) -> _Piece:
    x0, y0, x1, y1 = detection.box
    cut = (
        tile.x0 > 0 and x0 - tile.x0 < tolerance,
        tile.y0 > 0 and y0 - tile.y0 < tolerance,
        tile.x1 < size[0] and tile.x1 - x1 < tolerance,
        tile.y1 < size[1] and tile.y1 - y1 < tolerance,
    )
    return _Piece(detection, tile, cut)


def _merge_class(
    pieces: Sequence[_Piece], large: Sequence[Detection], *, tolerance: float, coarse_tolerance: float
) -> list[Detection]:
    """The objects of one class."""
    whole: list[_Piece] = []
    for piece in sorted((each for each in pieces if not any(each.cut)), key=lambda each: -each.detection.score):
        if not any(_same_on_both(piece, other, tolerance) for other in whole):
            whole.append(piece)
    cut = [
        piece
        for piece in pieces
        if any(piece.cut)
        and not any(
            _inside(piece.detection.box, other.detection.box) >= INSIDE or _same_on_both(piece, other, tolerance)
            for other in whole
        )
    ]
    joined = [_join(group, tolerance) for group in _groups(cut, tolerance)]
    objects = [each.detection for each in whole]
    for each in sorted(large, key=lambda each: -each.score):
        if any(_same(each.box, other.box, coarse_tolerance) for other in objects):
            continue
        index = next((n for n, other in enumerate(joined) if _same(each.box, other.box, coarse_tolerance)), None)
        if index is None:
            joined.append(each)
        else:
            joined[index] = _completed(joined[index], each, coarse_tolerance)
    for each in sorted(joined, key=lambda each: -_area(each.box)):
        if not any(_inside(each.box, other.box) >= INSIDE for other in objects if _area(other.box) >= _area(each.box)):
            objects.append(each)
    return objects


def _groups(pieces: Sequence[_Piece], tolerance: float) -> list[list[_Piece]]:
    """Those that belong together, each with another of its group."""
    groups: list[list[_Piece]] = []
    for piece in pieces:
        touched = [group for group in groups if any(_same_on_both(piece, other, tolerance) for other in group)]
        groups = [group for group in groups if group not in touched]
        groups.append([piece, *(other for group in touched for other in group)])
    return groups


def _join(group: Sequence[_Piece], tolerance: float) -> Detection:
    """One detection of the pieces' outermost edges; where several pieces see the same edge, of their mean."""
    best = max((piece.detection for piece in group), key=lambda each: each.score)
    edges = list(zip(*(piece.detection.box for piece in group), strict=True))
    x0, y0 = (_mean_near(min(each), each, tolerance) for each in edges[:2])
    x1, y1 = (_mean_near(max(each), each, tolerance) for each in edges[2:])
    return replace(best, box=(x0, y0, x1, y1))


def _completed(joined: Detection, whole: Detection, tolerance: float) -> Detection:
    """`joined`, with the edges of `whole` where it is far from them: no tile saw the object's end there."""
    pairs = zip(joined.box, whole.box, strict=True)
    x0, y0, x1, y1 = (edge if abs(edge - coarse) <= tolerance else coarse for edge, coarse in pairs)
    return replace(joined, score=max(joined.score, whole.score), box=(x0, y0, x1, y1))


def _mean_near(end: float, edges: Iterable[float], tolerance: float) -> float:
    near = [edge for edge in edges if abs(edge - end) <= tolerance]
    return sum(near) / len(near)


def _same_on_both(piece: _Piece, other: _Piece, tolerance: float) -> bool:
    """Whether two tiles found the same object: the same box within what both see."""
    if piece.tile == other.tile:
        return False
    seen = _intersection(piece.tile, other.tile)
    ours, theirs = _intersection(piece.detection.box, seen), _intersection(other.detection.box, seen)
    return _area(ours) > 0 and _area(theirs) > 0 and _same(ours, theirs, tolerance)


def _same(box: Box, other: Box, tolerance: float) -> bool:
    shared = _area(_intersection(box, other))
    if shared >= SAME * (_area(box) + _area(other) - shared):
        return True
    return shared > 0 and all(abs(edge - its) <= tolerance for edge, its in zip(box, other, strict=True))


def _inside(box: Box, other: Box) -> float:
    """The share of `box` that lies in `other`."""
    return _area(_intersection(box, other)) / max(_area(box), 1e-9)


def _intersection(box: Box, other: Box) -> Box:
    return max(box[0], other[0]), max(box[1], other[1]), min(box[2], other[2]), min(box[3], other[3])


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def long_side(box: Box) -> float:
    """The longer side of a box."""
    return max(box[2] - box[0], box[3] - box[1])
