"""The walls and railings between the rooms of a made-up flat, one piece from junction to junction, with mitred ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from dataset_prep.sample_plans.rooms import Box, Cell

OUTER_THICKNESS = 36.0
INNER_THICKNESS = 20.0
RAILING_THICKNESS = 12.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Opening:
    """A door or a window in a wall.

    `box` covers the wall's thickness. A door is hung at the start (left or top end) of its opening or at the other
    end, and swings towards growing coordinates (+1) or shrinking ones (-1).
    """

    kind: str
    box: Box
    hinge_at_start: bool = True
    swing: int = 1

    def swing_corners(self, *, horizontal: bool) -> tuple[Point, Point, Point]:
        """The door's hinge, and the leaf's other end where it closes and where it stands open, in such a wall."""
        box = self.box
        start, end, low, high = (box.x0, box.x1, box.y0, box.y1) if horizontal else (box.y0, box.y1, box.x0, box.x1)
        hinge, other = (start, end) if self.hinge_at_start else (end, start)
        face = high if self.swing > 0 else low
        corners = (hinge, face), (other, face), (hinge, face + self.swing * (end - start))
        hung, closed, opened = corners if horizontal else ((across, along) for along, across in corners)
        return hung, closed, opened


@dataclass
class Wall:
    """A wall or railing on a centre line (start is its left or top end), between two cells or the outside."""

    start: Point
    end: Point
    sides: tuple[Cell | None, Cell | None]
    polygon: list[Point] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)

    @property
    def horizontal(self) -> bool:
        """True if it runs from left to right."""
        return self.start[1] == self.end[1]

    @property
    def length(self) -> float:
        """Centimetres along the centre line."""
        return self.end[0] - self.start[0] + self.end[1] - self.start[1]

    @property
    def indoor(self) -> list[Cell]:
        """The rooms under a roof that it bounds: none for a railing."""
        return [cell for cell in self.sides if cell is not None and not cell.outdoor]

    @property
    def railing(self) -> bool:
        """Between a balcony and the open air."""
        return not self.indoor

    @property
    def external(self) -> bool:
        """An outer wall."""
        return len(self.indoor) == 1

    @property
    def thickness(self) -> float:
        """Centimetres."""
        if self.railing:
            return RAILING_THICKNESS
        return OUTER_THICKNESS if self.external else INNER_THICKNESS


class _Edge(NamedTuple):
    horizontal: bool
    line: float
    low: float
    high: float


def make_walls(cells: list[Cell]) -> list[Wall]:
    """All walls and railings, cut at every junction, in a fixed order, with their outline polygons."""
    walls = [_wall(edge, cells) for edge in sorted(_edges(cells))]
    for wall in walls:
        wall.polygon = _outline(wall, walls)
    return walls


def _edges(cells: Iterable[Cell]) -> set[_Edge]:
    """Each side of each cell, cut at all corners of cells that lie on it: a corner of a cell is where walls meet."""
    corners = {(x, y) for cell in cells for x in (cell.box.x0, cell.box.x1) for y in (cell.box.y0, cell.box.y1)}
    edges: set[_Edge] = set()
    for cell in cells:
        box = cell.box
        for horizontal, lines, low, high in (
            (True, (box.y0, box.y1), box.x0, box.x1),
            (False, (box.x0, box.x1), box.y0, box.y1),
        ):
            for line in lines:
                on_line = {x if horizontal else y for x, y in corners if (y if horizontal else x) == line}
                stops = sorted(stop for stop in on_line if low <= stop <= high)
                edges.update(_Edge(horizontal, line, a, b) for a, b in pairwise(stops))
    return edges


def _wall(edge: _Edge, cells: list[Cell]) -> Wall:
    middle = (edge.low + edge.high) / 2
    if edge.horizontal:
        start, end = (edge.low, edge.line), (edge.high, edge.line)
        sides = _cell_at(cells, middle, edge.line - 1), _cell_at(cells, middle, edge.line + 1)
    else:
        start, end = (edge.line, edge.low), (edge.line, edge.high)
        sides = _cell_at(cells, edge.line - 1, middle), _cell_at(cells, edge.line + 1, middle)
    return Wall(start, end, sides)


def _cell_at(cells: list[Cell], x: float, y: float) -> Cell | None:
    return next((c for c in cells if c.box.x0 < x < c.box.x1 and c.box.y0 < y < c.box.y1), None)


def _outline(wall: Wall, walls: list[Wall]) -> list[Point]:
    """Four corners: butted where the wall goes on, mitred in corners, ending at the face of a wall it runs into."""
    half = wall.thickness / 2
    (start_low, start_high), (end_low, end_high) = (
        _end_offsets(wall, point, walls) for point in (wall.start, wall.end)
    )
    (x, y), (x_end, y_end) = wall.start, wall.end
    start, end, line = (x, x_end, y) if wall.horizontal else (y, y_end, x)
    corners = [
        (start - start_low, line - half),
        (end + end_low, line - half),
        (end + end_high, line + half),
        (start - start_high, line + half),
    ]
    return corners if wall.horizontal else [(across, along) for along, across in corners]


def _end_offsets(wall: Wall, point: Point, walls: list[Wall]) -> tuple[float, float]:
    """How far the low and the high face of a wall reach beyond one of its ends (negative: they stop before it)."""
    met = [other for other in walls if other is not wall and point in (other.start, other.end)]
    if wall.railing and any(not other.railing for other in met):
        reach = max(other.thickness for other in met if not other.railing) / 2
        return -reach, -reach
    met = [other for other in met if other.railing == wall.railing]
    across = [other for other in met if other.horizontal != wall.horizontal]
    if not across or len(across) < len(met):
        return 0.0, 0.0
    reach = max(other.thickness for other in across) / 2
    if len(across) == 2:
        return -reach, -reach
    # A corner: the face on the other wall's side is the inner, shorter one.
    towards_high = across[0].start == point
    return (reach, -reach) if towards_high else (-reach, reach)
