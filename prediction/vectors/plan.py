"""What a plan's geometry is made of; all lengths and places are in pixels of the upright picture, y downwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Point = tuple[float, float]
"""x, y."""
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1."""
Ring = tuple[Point, ...]
"""The corners of a closed outline, each once, from the uppermost on: the last one is joined to the first."""
Outline = Literal["walls", "box"]
"""What a room's outline follows. `walls`: walls all around, gaps such as doors closed. `box`: walls do not close it, so
that at least one side is an edge of a room box."""
MEANINGS: Mapping[Outline, str] = {"walls": "walls all around", "box": "box only: walls do not close it"}
"""How the formats tell it."""


class Detection(Protocol):
    """One object found on the picture."""

    @property
    def label(self) -> str:
        """Class name."""

    @property
    def score(self) -> float:
        """Confidence in 0..1."""

    @property
    def box(self) -> Box:
        """In pixels of the upright picture."""


@dataclass(frozen=True, slots=True)
class Wall:
    """A straight piece of wall.

    A box about as wide as high that continues no wall, such as a column, counts as one from left to right.
    """

    start: Point
    """The left or upper end of the centre line; where walls meet it is on the centre line of the other one."""
    end: Point
    thickness: float
    body: Box
    """What it covers: to the far face of the walls that it meets."""
    score: float
    """The lowest of the boxes that it was joined from."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room; no two rooms of a plan overlap."""

    exterior: Ring
    """Clockwise as one sees it."""
    holes: tuple[Ring, ...]
    """What it goes around, such as a column or another room; counter-clockwise as one sees it."""
    inside: Point
    """A point within, for a text: the centre where that is within."""
    area: float
    """Square pixels, without the holes."""
    outline: Outline
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Opening:
    """A door or window, if the model knows such a class."""

    label: str
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """Walls and rooms of one picture."""

    size: tuple[int, int]
    """Width and height of the picture."""
    walls: tuple[Wall, ...]
    rooms: tuple[Room, ...]
    openings: tuple[Opening, ...] = ()
    notes: tuple[str, ...] = ()
    """What was found but is not among them, one sentence each."""


def corners(box: Box) -> Ring:
    """Of a box, clockwise as one sees it."""
    x0, y0, x1, y1 = box
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)
