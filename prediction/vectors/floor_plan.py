"""From the detections on a plan to its walls and rooms.

    plan = floor_plan(predictor.predict("plan.png"), size)

Pure geometry: nothing is read, and equal detections give equal plans.
"""

import math
from collections.abc import Collection, Iterable, Iterator

from shapely import LinearRing

from dataset_contract.class_names import class_name
from dataset_contract.sanitise import sanitise
from prediction.vectors.boxes import sides
from prediction.vectors.gaps import close_gaps
from prediction.vectors.plan import Box, Detection, FloorPlan, Opening, Point, Ring, Room, Wall
from prediction.vectors.rooms import RoomShape, find_rooms
from prediction.vectors.walls import TOO_THICK, Piece, ScoredBox, is_straight, join_pieces, snap_ends, typical_thickness

OPENINGS = ("door", "window")
KNOWN = ("wall", "room", *OPENINGS)
"""The classes that a plan shows, doors and windows where the model knows them."""
LEAST_SIDE = 0.25
"""Pixels: what is narrower on the picture shows nothing, and would be a line or a point in the files."""


def floor_plan(detections: Iterable[Detection], size: tuple[int, int]) -> FloorPlan:
    """The walls, rooms and openings that `detections` on a picture of `size` (width, height) tell of.

    Raises ValueError: a side of `size` is below 1.
    """
    if min(size) < 1:
        raise ValueError(f"A picture has at least 1 x 1 pixels, not {size[0]} x {size[1]}.")
    found: dict[str, list[ScoredBox]] = {name: [] for name in KNOWN}
    for detection in detections:
        box = _within(detection.box, size)
        if box is not None and min(sides(box)) >= LEAST_SIDE:
            found.setdefault(class_name(detection.label), []).append(ScoredBox(box, detection.score))
    thickness = typical_thickness(found["wall"])
    straight = [item for item in found["wall"] if is_straight(item, thickness)]
    pieces = snap_ends(join_pieces(straight, thickness), thickness)
    gaps = close_gaps(pieces, thickness)
    openings = [Opening(name, *item) for name in OPENINGS for item in found[name]]
    bodies, closed = [piece.body for piece in pieces], gaps + [opening.box for opening in openings]
    shapes = find_rooms(found["room"], bodies, closed, thickness, size)
    thick, covered, others = len(found["wall"]) - len(straight), shapes.count(None), found.keys() - KNOWN
    return FloorPlan(
        size,
        tuple(_wall(piece, size) for piece in pieces),
        tuple(_room(shape) for shape in shapes if shape is not None),
        tuple(openings),
        tuple(_notes(thick, covered, others)),
    )


def _notes(thick: int, covered: int, others: Collection[str]) -> Iterator[str]:
    if thick:
        yield (
            f"Left out as no straight walls: {thick} wall box{'es' * (thick > 1)} whose shorter side is more than "
            f"{TOO_THICK:g} typical thicknesses. Diagonal walls give such boxes, which do not tell where they run."
        )
    if covered:
        yield f"Left out: {covered} room box{'es' * (covered > 1)}, since other rooms cover them."
    if others:
        yield f"Not drawn: the classes {', '.join(sanitise(name, longest=64) for name in sorted(others))}."


def _within(box: Box, size: tuple[int, int]) -> Box | None:
    """The part of `box` on the picture; None if there is none."""
    if not all(map(math.isfinite, box)):
        return None
    x0, y0, x1, y1 = box
    x0, x1 = max(x0, 0.0), min(x1, float(size[0]))
    y0, y1 = max(y0, 0.0), min(y1, float(size[1]))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _wall(piece: Piece, size: tuple[int, int]) -> Wall:
    start, end = (piece.low, piece.line), (piece.high, piece.line)
    if not piece.horizontal:
        start, end = (start[1], start[0]), (end[1], end[0])
    body = _within(piece.body, size)
    assert body is not None
    return Wall(start, end, piece.thickness, body, piece.score)


def _room(shape: RoomShape) -> Room:
    polygon = shape.polygon
    holes = tuple(_ring(hole, clockwise=False) for hole in polygon.interiors)
    centre = polygon.centroid if polygon.contains(polygon.centroid) else polygon.representative_point()
    exterior = _ring(polygon.exterior, clockwise=True)
    return Room(exterior, holes, (centre.x, centre.y), polygon.area, shape.outline, *shape.item)


def _ring(ring: LinearRing, *, clockwise: bool) -> Ring:
    corners: list[Point] = [(x, y) for x, y in ring.coords][:-1]
    if ring.is_ccw != clockwise:  # y downwards: what is counter-clockwise in the numbers is seen clockwise
        corners.reverse()
    first = min(range(len(corners)), key=lambda index: corners[index][::-1])
    return (*corners[first:], *corners[:first])
