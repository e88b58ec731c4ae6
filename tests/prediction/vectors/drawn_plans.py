"""Small plans as the boxes that one would find on them: walls 10 pixels thick."""

from __future__ import annotations

from typing import NamedTuple

from shapely import Polygon

from prediction.vectors.plan import Box, FloorPlan, Room

SIZE = (400, 300)


class Found(NamedTuple):
    """A Detection."""

    label: str
    score: float
    box: Box


def wall(*box: float, score: float = 0.9) -> Found:
    x0, y0, x1, y1 = box
    return Found("wall", score, (x0, y0, x1, y1))


def room(*box: float, score: float = 0.8) -> Found:
    x0, y0, x1, y1 = box
    return Found("room", score, (x0, y0, x1, y1))


def walls_around(x0: float, y0: float, x1: float, y1: float) -> list[Found]:
    """Four walls, the floor within them from (x0, y0) to (x1, y1)."""
    return [
        wall(x0 - 10, y0 - 10, x1 + 10, y0),
        wall(x0 - 10, y1, x1 + 10, y1 + 10),
        wall(x0 - 10, y0 - 10, x0, y1 + 10),
        wall(x1, y0 - 10, x1 + 10, y1 + 10),
    ]


def polygon(room: Room) -> Polygon:
    return Polygon(room.exterior, room.holes)


def outlines(plan: FloorPlan) -> list[str]:
    return [room.outline for room in plan.rooms]


L_SHAPE = [
    *walls_around(20, 20, 320, 220),
    wall(200, 120, 320, 130),  # the closet in the lower right corner
    wall(200, 120, 210, 220),
    room(20, 20, 320, 220),
    room(210, 130, 320, 220),
]
"""A room of 300 x 200 around a closet of 110 x 90 in its corner."""
