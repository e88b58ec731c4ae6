"""The faces that walls divide a picture into, and which of them a room box means."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from prediction.vectors.boxes import iou
from prediction.vectors.plan import Box

_LEAST_GAIN = 0.02
"""How much further, in IoU, a room must reach with another face to take it."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face between walls, or several with the closed gaps between them."""

    polygon: Polygon
    fit: float
    """IoU of its bounding box and the room box."""
    parts: frozenset[int]
    """The faces that it is made of, by their numbers."""


class Faces:
    """The faces between walls of which no room has taken a part."""

    def __init__(
        self, bodies: Sequence[Box], closings: Sequence[Box], rooms: Sequence[Box], size: tuple[int, int], leak: float
    ) -> None:
        """`closings` close gaps between the `bodies` of walls; a slit of up to twice `leak` is closed as well."""
        self._rooms = rooms
        frame, walls, strips = shapely.box(0, 0, *size), union(bodies), union(closings)
        solid = walls.union(strips)
        grown = shapely.get_parts(frame.difference(solid.buffer(leak, join_style="mitre")))
        self._faces = [
            largest(part.buffer(leak, join_style="mitre").intersection(frame).difference(solid)) for part in grown
        ]
        self._gaps = list(_cells(closings, strips, walls))
        self._free = set(range(len(self._faces)))

    def of_room(self, room: int) -> Face:
        """The free face that reaches as far as the box of `room`.

        Faces with a closed gap between them count as one as far as the box then fits better. A face that the box of
        another room fits is taken the less readily, the better it fits.
        """
        own = shapely.box(*self._rooms[room])
        near = [index for index in sorted(self._free) if self._faces[index].intersects(own)]
        readiness = {index: 1 - max(self._fits_of_others(room, index), default=0.0) for index in near}
        found = Face(Polygon(), 0.0, frozenset())
        while True:
            larger = [(index, face) for index in near if (face := self._with(found, index, own)) is not None]
            gains = [((face.fit - found.fit) * readiness[index], face) for index, face in larger]
            gain, face = max(gains, key=lambda each: each[0], default=(0.0, found))
            if gain <= _LEAST_GAIN:
                return found
            found = face

    def take(self, face: Face) -> None:
        """Let no other room have a part of `face`."""
        self._free -= face.parts

    def _fits_of_others(self, room: int, index: int) -> Iterator[float]:
        bounds = self._faces[index].bounds
        return (iou(bounds, other) for number, other in enumerate(self._rooms) if number != room)

    def _with(self, found: Face, index: int, own: Polygon) -> Face | None:
        """`found` with another face and the closed gap between them; None if there is none."""
        other = self._faces[index]
        if not found.parts:
            return Face(other, iou(other.bounds, own.bounds), frozenset({index}))
        if index in found.parts or other.intersection(own).area < other.area / 2:
            return None
        between = [gap for gap in self._gaps if gap.intersects(found.polygon) and gap.intersects(other)]
        merged = shapely.union_all([found.polygon, other, *between])
        if not isinstance(merged, Polygon):
            return None
        return Face(merged, iou(merged.bounds, own.bounds), found.parts | {index})


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
