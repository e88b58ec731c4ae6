"""From walls and room boxes to room polygons: faces between the walls, chosen by the room boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from prediction.vectors.boxes import iou
from prediction.vectors.faces import closed_rooms, largest
from prediction.vectors.plan import Box, Outline
from prediction.vectors.walls import ScoredBox

SAME_ROOM = 0.7
"""IoU from which on two room boxes are one room found twice, of which the surer one counts."""
LEAST_REST = 0.1
"""A room counts if this share of its box is left when the other rooms have theirs."""
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

    A room that walls close gets its face. All others get what is left of their boxes, the smaller ones first: a closed
    room that such a box lies in gives it up, other closed rooms do not.
    """
    counted = _without_duplicates(boxes)
    rectangles = [shapely.box(*boxes[index].box) for index in counted]
    faces = closed_rooms([boxes[index].box for index in counted], bodies, closings, thickness, size)
    polygons: dict[int, Polygon] = {}
    given: BaseGeometry = Polygon()
    for room in sorted(set(range(len(counted))) - faces.keys(), key=lambda room: rectangles[room].area):
        own = rectangles[room]
        others = [face for face in faces.values() if not _is_part(own, face)]
        rest = largest(own.difference(shapely.union_all([*others, given])))
        if rest.area >= LEAST_REST * own.area:
            polygons[room], given = rest, given.union(rest)
    polygons |= {room: largest(face.difference(given)) for room, face in faces.items()}
    shapes: list[RoomShape | None] = [None] * len(boxes)
    for room, polygon in polygons.items():
        closed = room in faces and polygon.area >= UNTOUCHED * faces[room].area
        rounded = largest(shapely.set_precision(polygon, _GRID).simplify(0))
        if rounded.area > 0:
            shapes[counted[room]] = RoomShape(boxes[counted[room]], "walls" if closed else "box", rounded)
    return shapes


def _without_duplicates(boxes: Sequence[ScoredBox]) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda index: -boxes[index].score):
        if all(iou(boxes[index].box, boxes[other].box) < SAME_ROOM for other in kept):
            kept.append(index)
    return sorted(kept)


def _is_part(own: Polygon, face: Polygon) -> bool:
    """Whether the room box lies mainly in a larger face."""
    return bool(own.area < face.area and own.intersection(face).area >= own.area / 2)
