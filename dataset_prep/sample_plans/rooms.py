"""The rooms of a made-up flat: recursive subdivision of a rectangle, and what each room is used for."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

OUTDOOR = "Outdoor Balcony"
LABELS = {
    "LivingRoom": ("OH", "LIVING"),
    "Kitchen": ("K", "KITCHEN"),
    "Bedroom": ("MH", "BED"),
    "Bath": ("KPH", "BATH"),
    "Entry Lobby": ("ET", "HALL"),
    "Closet WalkIn": ("VH", "CL"),
    "Storage": ("VAR", "STO"),
    "UserDefined": ("TK", "WORK"),
    "Undefined": ("", ""),
    OUTDOOR: ("PARV", "BALC"),
}


class Box(NamedTuple):
    """A rectangle on the sheet, in centimetres from the sheet's top left corner."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """Centimetres."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Centimetres."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Square centimetres."""
        return self.width * self.height


@dataclass(frozen=True)
class Cell:
    """A room between the centre lines of its walls; `kind` is the class CubiCasa5K gives it (after `Space`)."""

    box: Box
    kind: str

    @property
    def outdoor(self) -> bool:
        """Balconies are behind railings and outside the outer walls."""
        return self.kind == OUTDOOR


class _Leaf(NamedTuple):
    """A rectangle of grid cells: columns i0..i1, rows j0..j1."""

    i0: int
    j0: int
    i1: int
    j1: int

    @property
    def size(self) -> int:
        return (self.i1 - self.i0) * (self.j1 - self.j0)


def make_cells(rng: random.Random, left: float, top: float) -> list[Cell]:
    """Divide a flat whose top left corner is (left, top) into 4 to 8 rooms, one of which may be a balcony."""
    # Cuts lie on a coarse, uneven grid: junctions of walls either meet or are well apart, as in drawn plans.
    columns, rows = rng.randint(9, 12), rng.randint(7, 9)
    xs = _grid_lines(rng, left, columns)
    ys = _grid_lines(rng, top, rows)
    leaves = _subdivide(rng, _Leaf(0, 0, columns, rows), rng.randint(4, 7))
    balcony = _balcony(rng, leaves, columns, rows)
    boxes = {leaf: Box(xs[leaf.i0], ys[leaf.j0], xs[leaf.i1], ys[leaf.j1]) for leaf in leaves}
    outdoor = [Cell(boxes.pop(balcony), OUTDOOR)] if balcony is not None else []
    indoor = list(boxes.values())
    return [Cell(box, kind) for box, kind in zip(indoor, _uses(rng, indoor), strict=True)] + outdoor


def _grid_lines(rng: random.Random, start: float, count: int) -> list[float]:
    lines = [start]
    for _ in range(count):
        lines.append(lines[-1] + rng.randint(66, 96))
    return lines


def _subdivide(rng: random.Random, whole: _Leaf, target: int) -> list[_Leaf]:
    leaves = [whole]
    while len(leaves) < target:
        leaf = max(leaves, key=lambda leaf: leaf.size * rng.uniform(0.6, 1.0))
        width, height = leaf.i1 - leaf.i0, leaf.j1 - leaf.j0
        if max(width, height) < 4:  # every room keeps at least two grid cells each way
            break
        leaves.remove(leaf)
        if width >= height:
            cut = leaf.i0 + min(max(round(width * rng.uniform(0.3, 0.7)), 2), width - 2)
            leaves += [leaf._replace(i1=cut), leaf._replace(i0=cut)]
        else:
            cut = leaf.j0 + min(max(round(height * rng.uniform(0.3, 0.7)), 2), height - 2)
            leaves += [leaf._replace(j1=cut), leaf._replace(j0=cut)]
    return leaves


def _balcony(rng: random.Random, leaves: list[_Leaf], columns: int, rows: int) -> _Leaf | None:
    """A small leaf at a corner of the flat, so that what is left indoors stays in one piece."""
    corners = [
        leaf
        for leaf in leaves
        if leaf.i0 * (columns - leaf.i1) == 0 and leaf.j0 * (rows - leaf.j1) == 0 and leaf.size < columns * rows / 4
    ]
    if len(leaves) < 5 or not corners or rng.random() < 0.35:
        return None
    return rng.choice(corners)


def _uses(rng: random.Random, boxes: list[Box]) -> list[str]:
    """The smallest room is the bath, the largest the living room; the rest by size, with some chance."""
    order = sorted(range(len(boxes)), key=lambda index: boxes[index].area)
    uses = [""] * len(boxes)
    uses[order[0]], uses[order[-1]] = "Bath", "LivingRoom"
    middle = order[1:-1]
    uses[middle.pop(0)] = "Entry Lobby"
    if middle:
        uses[middle.pop(rng.randrange(len(middle)))] = "Kitchen"
    for index in middle:
        small = boxes[index].area < 45_000
        uses[index] = rng.choice(
            ["Closet WalkIn", "Storage", "Undefined"] if small else ["Bedroom"] * 4 + ["UserDefined"]
        )
    return uses
