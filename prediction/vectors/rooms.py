"""From walls and room boxes to room polygons: faces between the walls, chosen by the room boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from prediction.vectors.boxes import iou
from prediction.vectors.faces import Faces, largest
from prediction.vectors.plan import Box, Outline
from prediction.vectors.walls import ScoredBox

FITS = 0.7
"""Least IoU between a room box and the bounding box of its face: below it, the walls do not close the room."""
SAME_ROOM = 0.7
"""IoU from which on two room boxes are one room found twice, of which the surer one counts."""
LEAST_REST = 0.1
"""A room counts if this share of its box is left when the other rooms have theirs."""
UNTOUCHED = 0.98
"""A room that keeps this share of its face is still closed by walls."""
LEAK = 0.25
"""A slit between walls of up to twice as many thicknesses is no way through."""
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
    """What became of each room box: None if nothing, since it is another room's. No two rooms overlap.

    A room is closed by walls if a face between them reaches as far as its box. Where `closings` divide such a face,
    its parts count as one as far as the box asks for it. All other rooms get their boxes, the smaller ones first, less
    the faces of closed rooms and the walls around; a closed room that such a room is in gets the rest of its face.
    """
    counted = _without_duplicates(boxes)
    faces = Faces(bodies, closings, [boxes[index].box for index in counted], size, LEAK * thickness)
    chosen: dict[int, Polygon] = {}
    found = {number: faces.of_room(number) for number in range(len(counted))}
    while found:
        best = max(found, key=lambda number: found[number].fit)
        face = found.pop(best)
        if face.fit < FITS:
            break
        faces.take(face)
        chosen[counted[best]] = face.polygon
        found |= {number: faces.of_room(number) for number, other in found.items() if other.parts & face.parts}
    rectangles = {index: shapely.box(*boxes[index].box) for index in counted}
    open_rooms = sorted(set(counted) - chosen.keys(), key=lambda index: rectangles[index].area)
    polygons: dict[int, Polygon] = dict(chosen)
    given: BaseGeometry = Polygon()
    for index in open_rooms:
        own = rectangles[index]
        others = [face for face in chosen.values() if not _is_within(own, face)]
        rest = own.difference(shapely.union_all([*others, given]))
        rest = largest(rest)
        if rest.area >= LEAST_REST * own.area:
            polygons[index] = rest
            given = given.union(rest)
    shapes: list[RoomShape | None] = [None] * len(boxes)
    for index, polygon in polygons.items():
        rest = polygon if index in open_rooms else largest(polygon.difference(given))
        outline: Outline = "walls" if index in chosen and rest.area > UNTOUCHED * polygon.area else "box"
        rounded = largest(shapely.set_precision(rest, _GRID).simplify(0))
        if rounded.area > 0:
            shapes[index] = RoomShape(boxes[index], outline, rounded)
    return shapes


def _without_duplicates(boxes: Sequence[ScoredBox]) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda index: -boxes[index].score):
        if all(iou(boxes[index].box, boxes[other].box) < SAME_ROOM for other in kept):
            kept.append(index)
    return sorted(kept)


def _is_within(own: Polygon, face: Polygon) -> bool:
    """Whether the room box is a part of a larger face."""
    return bool(own.area < face.area and own.intersection(face).area >= own.area / 2)
