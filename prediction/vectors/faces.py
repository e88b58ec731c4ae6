"""The faces that walls divide a picture into, and which of them room boxes mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from prediction.vectors.boxes import iou
from prediction.vectors.plan import Box

FITS = 0.7
"""Least IoU of a room box and the bounding box of its face: below it, the walls do not close the room."""
LEAK = 0.5
"""A slit between walls that is narrower than so many thicknesses is no way through."""
_LEAST_GAIN = 0.02
"""How much better a room box must fit with another face to take it."""


def closed_rooms(
    rooms: Sequence[Box], bodies: Sequence[Box], closings: Sequence[Box], thickness: float, size: tuple[int, int]
) -> dict[int, Polygon]:
    """The faces of the rooms that walls close, by the place of their boxes in `rooms`; no two overlap.

    Walls are `bodies`, and `closings` are closed gaps between them. The room whose box fits best chooses first.
    """
    faces = _Faces(rooms, bodies, closings, thickness, size)
    found = {room: faces.of_room(room) for room in range(len(rooms))}
    closed: dict[int, Polygon] = {}
    while found:
        best = max(found, key=lambda room: found[room].fit)
        face = found.pop(best)
        if face.fit < FITS:
            break
        faces.take(face)
        closed[best] = largest(face.polygon.difference(shapely.union_all(list(closed.values()))))
        found |= {room: faces.of_room(room) for room, other in found.items() if other.parts & face.parts}
    return closed


@dataclass(frozen=True, slots=True)
class _Face:
    """A face between walls, or several with the closed gaps between them."""

    polygon: Polygon
    fit: float
    """IoU of its bounding box and the room box."""
    parts: frozenset[int]
    """The faces that it is made of, by their numbers."""


class _Faces:
    """All faces of a picture, and which of them are free."""

    def __init__(
        self,
        rooms: Sequence[Box],
        bodies: Sequence[Box],
        closings: Sequence[Box],
        thickness: float,
        size: tuple[int, int],
    ) -> None:
        self._rooms, leak = rooms, LEAK * thickness / 2
        frame, walls, strips = shapely.box(0, 0, *size), union(bodies), union(closings)
        solid = walls.union(strips)
        grown = shapely.get_parts(frame.difference(solid.buffer(leak, join_style="mitre")))
        self._faces = [
            largest(part.buffer(leak, join_style="mitre").intersection(frame).difference(solid)) for part in grown
        ]
        self._gaps = list(_cells(closings, strips, walls))
        self._free = set(range(len(self._faces)))

    def of_room(self, room: int) -> _Face:
        """The free face that the box of `room` fits best.

        Faces with a closed gap between them count as one where the box then fits better. The better a face fits the
        box of another room, the less it counts.
        """
        own = shapely.box(*self._rooms[room])
        near = [index for index in sorted(self._free) if self._faces[index].intersects(own)]
        weights = {index: 1 - max(self._fits_of_others(room, index), default=0.0) for index in near}
        found = _Face(Polygon(), 0.0, frozenset())
        while True:
            larger = [(index, face) for index in near if (face := self._with(found, index, own)) is not None]
            gains = [((face.fit - found.fit) * weights[index], face) for index, face in larger]
            gain, face = max(gains, key=lambda each: each[0], default=(0.0, found))
            if gain <= _LEAST_GAIN:
                return found
            found = face

    def take(self, face: _Face) -> None:
        """Let no other room have a part of `face`."""
        self._free -= face.parts

    def _fits_of_others(self, room: int, index: int) -> Iterator[float]:
        bounds = self._faces[index].bounds
        return (iou(bounds, other) for number, other in enumerate(self._rooms) if number != room)

    def _with(self, found: _Face, index: int, own: Polygon) -> _Face | None:
        """`found` with another face and the closed gap between them; None if there is none."""
        other = self._faces[index]
        if not found.parts:
            return _Face(other, iou(other.bounds, own.bounds), frozenset({index}))
        if index in found.parts or other.intersection(own).area < other.area / 2:
            return None
        between = [gap for gap in self._gaps if gap.intersects(found.polygon) and gap.intersects(other)]
        merged = shapely.union_all([found.polygon, other, *between])
        if not isinstance(merged, Polygon):
            return None
        return _Face(merged, iou(merged.bounds, own.bounds), found.parts | {index})


def _cells(closings: Sequence[Box], strips: BaseGeometry, walls: BaseGeometry) -> Iterator[Polygon]:
    """The closed gaps as parts that do not overlap."""
    lines = shapely.union_all([shapely.box(*closing).exterior for closing in closings])
    for cell in shapely.get_parts(shapely.polygonize(shapely.get_parts(lines))):
        if strips.covers(cell.representative_point()):
            yield from (part for part in shapely.get_parts(cell.difference(walls)) if part.area > 0)


def union(boxes: Sequence[Box]) -> BaseGeometry:
    """What the boxes cover together."""
    return shapely.union_all([shapely.box(*box) for box in boxes])


def largest(geometry: BaseGeometry) -> Polygon:
    """The largest polygon among the parts; an empty one if there is none."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]
    return max(parts, key=lambda part: part.area, default=Polygon())
