"""From walls and room boxes to room polygons: faces between the walls, chosen by the room boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely import Polygon

from prediction.vectors.boxes import iou
from prediction.vectors.faces import closed_rooms, largest
from prediction.vectors.plan import Box, Outline
from prediction.vectors.walls import ScoredBox

SAME_ROOM = 0.7
"""IoU from which on two room boxes are one room found twice, of which the surer one counts."""
LEAST_REST = 0.2
"""A room counts if this share of its box is left when the other rooms have theirs."""
PART = 0.9
"""A room box of which this share is in a larger room is a part of it, such as the kitchen of an open plan."""
SURE_PART = 0.8
"""Such a part is a room of its own from this share of the larger one's score on; else it is noise."""
UNTOUCHED = 0.98
"""A room that keeps this share of its face is still closed by walls."""
_GRID = 2.0**-6
"""Of a pixel: what corners are rounded to."""


@dataclass(frozen=True, slots=True)
class RoomShape:
    """A room box and what became of it."""

    item: ScoredBox
    outline: Outline
    polygon: Polygon


def find_rooms(
    boxes: Sequence[ScoredBox], bodies: Sequence[Box], closings: Sequence[Box], thickness: float, size: tuple[int, int]
) -> list[RoomShape | None]:
    """What became of each room box; None if it is another room's or covered by others. No two rooms overlap.

    A room claims its face if walls close it, or else its box. What two claim, one gets: a surely found part of a larger
    room goes before it, then a closed room before an open one, then the surer one.
    """
    counted = _without_duplicates(boxes)
    faces = closed_rooms([boxes[index].box for index in counted], bodies, closings, thickness, size)
    claims = [
        _Claim(boxes[index].score, faces.get(room, shapely.box(*boxes[index].box)), room in faces)
        for room, index in enumerate(counted)
    ]
    lasting = [room for room, claim in enumerate(claims) if _rest(claim, claims).area >= LEAST_REST * claim.shape.area]
    shapes: list[RoomShape | None] = [None] * len(boxes)
    for room in lasting:
        claim, rest = claims[room], _rest(claims[room], [claims[other] for other in lasting])
        closed = claim.closed and rest.area >= UNTOUCHED * claim.shape.area
        polygon = largest(shapely.set_precision(rest, _GRID).simplify(0))
        if polygon.area > 0:
            shapes[counted[room]] = RoomShape(boxes[counted[room]], "walls" if closed else "box", polygon)
    return shapes


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """What a room would have if it were alone: its face if walls close it, or else its box."""

    score: float
    shape: Polygon
    closed: bool


def _rest(claim: _Claim, claims: Sequence[_Claim]) -> Polygon:
    """What others leave of a claim; of no area if that is nothing."""
    stronger = [other.shape for other in claims if other is not claim and _goes_before(other, claim)]
    return largest(claim.shape.difference(shapely.union_all(stronger)))


def _goes_before(one: _Claim, other: _Claim) -> bool:
    """Whether `one` gets what both claim; of two claims, one goes before the other."""
    if _is_part(one, other):
        return one.score >= SURE_PART * other.score
    if _is_part(other, one):
        return other.score < SURE_PART * one.score
    return (one.closed, one.score, -one.shape.area) >= (other.closed, other.score, -other.shape.area)


def _is_part(one: _Claim, other: _Claim) -> bool:
    """Whether the room box `one` lies in a larger room."""
    if one.closed or one.shape.area >= other.shape.area:
        return False
    return bool(one.shape.intersection(other.shape).area >= PART * one.shape.area)


def _without_duplicates(boxes: Sequence[ScoredBox]) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda index: -boxes[index].score):
        if all(iou(boxes[index].box, boxes[other].box) < SAME_ROOM for other in kept):
            kept.append(index)
    return sorted(kept)
