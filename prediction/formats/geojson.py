"""A plan as GeoJSON (RFC 7946): rooms, doors and windows as polygons, walls as centre lines with a thickness.

The coordinates are pixels of the picture, or parts of its width and height, and not degrees; y grows downwards. The
collection's member `picture` says so.
"""

import json
from collections.abc import Iterable
from typing import Any

from prediction.formats.measures import check_scale, square_metres
from prediction.vectors.plan import FloorPlan, Opening, Point, Ring, Room, Wall, corners

_DIGITS = 3
_DIGITS_NORMALISED = 6


def to_geojson(
    plan: FloorPlan, picture: str, *, metres_per_pixel: float | None = None, normalised: bool = False
) -> bytes:
    """One FeatureCollection, on lines of one feature each; `picture` is the name of the plan's picture.

    With `normalised`, x is in parts of the picture's width and y in parts of its height, both within 0..1. Lengths in
    the properties stay in pixels, and with `metres_per_pixel` they are told in metres, too.

    Raises ValueError: see check_scale().
    """
    check_scale(metres_per_pixel)
    frame = _Frame(plan.size, normalised)
    about = {
        "name": picture,
        "width": plan.size[0],
        "height": plan.size[1],
        "unit": "share of width and height" if normalised else "pixel",
        "origin": "upper left corner",
        "y": "down",
        "metres_per_pixel": metres_per_pixel,
        "notes": list(plan.notes),
    }
    features = [
        *(_room(number, room, frame, metres_per_pixel) for number, room in enumerate(plan.rooms, start=1)),
        *(_wall(number, wall, frame, metres_per_pixel) for number, wall in enumerate(plan.walls, start=1)),
        *(_opening(number, opening, frame) for number, opening in enumerate(plan.openings, start=1)),
    ]
    lines = ",\n".join(_json(feature) for feature in features)
    return f'{{"type":"FeatureCollection","picture":{_json(about)},"features":[\n{lines}\n]}}\n'.encode()


class _Frame:
    """From pixels to the file's coordinates."""

    def __init__(self, size: tuple[int, int], normalised: bool) -> None:
        self._unit = size if normalised else (1, 1)
        self._digits = _DIGITS_NORMALISED if normalised else _DIGITS

    def at(self, point: Point) -> list[float]:
        return [round(value / unit, self._digits) for value, unit in zip(point, self._unit, strict=True)]

    def rings(self, exterior: Ring, holes: Iterable[Ring] = ()) -> list[list[list[float]]]:
        """Closed by their first corner again.

        Exteriors run counter-clockwise and holes clockwise in the numbers as they are; as y grows downwards, one sees
        the opposite.
        """
        return [[self.at(point) for point in (*ring, ring[0])] for ring in (exterior, *holes)]


def _room(number: int, room: Room, frame: _Frame, scale: float | None) -> dict[str, Any]:
    properties = {
        "class": "room",
        "outline": room.outline,
        "score": round(room.score, 4),
        "area_px": round(room.area, 2),
        **_metres("area_m2", square_metres(room, scale)),
    }
    return _feature(f"room-{number}", "Polygon", frame.rings(room.exterior, room.holes), properties)


def _wall(number: int, wall: Wall, frame: _Frame, scale: float | None) -> dict[str, Any]:
    properties = {
        "class": "wall",
        "thickness_px": round(wall.thickness, _DIGITS),
        **_metres("thickness_m", None if scale is None else wall.thickness * scale),
        "score": round(wall.score, 4),
    }
    return _feature(f"wall-{number}", "LineString", [frame.at(wall.start), frame.at(wall.end)], properties)


def _opening(number: int, opening: Opening, frame: _Frame) -> dict[str, Any]:
    properties = {"class": opening.label, "score": round(opening.score, 4)}
    return _feature(f"opening-{number}", "Polygon", frame.rings(corners(opening.box)), properties)


def _metres(name: str, value: float | None) -> dict[str, float]:
    return {} if value is None else {name: round(value, 4)}


def _feature(name: str, kind: str, coordinates: object, properties: dict[str, Any]) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": properties}


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
