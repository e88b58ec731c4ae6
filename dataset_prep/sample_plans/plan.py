"""A made-up floor plan as geometry, in centimetres: rooms, walls with doors and windows, railings, furniture."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dataset_prep.sample_plans.rooms import LABELS, Box, Cell, make_cells
from dataset_prep.sample_plans.walls import OUTER_THICKNESS, Opening, Wall, make_walls

MARGIN = 105.0
DOOR_WIDTH = 85.0


@dataclass(frozen=True)
class Room:
    """What one sees of a room: the floor between the faces of its walls."""

    kind: str
    label: str
    floor: Box


@dataclass(frozen=True)
class SamplePlan:
    """A floor plan on a sheet of `width` x `height` centimetres; all coordinates count from the sheet's top left."""

    width: float
    height: float
    rooms: list[Room]
    walls: list[Wall]
    railings: list[Wall]
    furniture: list[Box]


def make_plan(rng: random.Random) -> SamplePlan:
    """A flat of 4 to 8 rooms with 8 to 25 pieces of wall; the same numbers from `rng` make the same plan."""
    left, top = MARGIN + rng.randint(0, 90), MARGIN + rng.randint(0, 70)
    cells = make_cells(rng, left, top)
    everything = make_walls(cells)
    walls = [wall for wall in everything if not wall.railing]
    _open_doors(rng, cells, walls)
    _open_windows(rng, walls)
    language = rng.randrange(2)
    rooms = [Room(cell.kind, LABELS[cell.kind][language], _floor(cell, everything)) for cell in cells]
    return SamplePlan(
        width=max(cell.box.x1 for cell in cells) + MARGIN + rng.randint(0, 70),
        height=max(cell.box.y1 for cell in cells) + MARGIN + rng.randint(0, 50),
        rooms=rooms,
        walls=walls,
        railings=[wall for wall in everything if wall.railing],
        furniture=[_furniture(rng, room.floor) for room in rooms if min(room.floor.width, room.floor.height) > 250],
    )


def _furniture(rng: random.Random, floor: Box) -> Box:
    """A table or bed as far from the walls as a door is wide."""
    width, height = ((side - 2 * DOOR_WIDTH) * rng.uniform(0.5, 1) for side in (floor.width, floor.height))
    x = rng.uniform(floor.x0 + DOOR_WIDTH, floor.x1 - DOOR_WIDTH - width)
    y = rng.uniform(floor.y0 + DOOR_WIDTH, floor.y1 - DOOR_WIDTH - height)
    return Box(x, y, x + width, y + height)


def _open_doors(rng: random.Random, cells: list[Cell], walls: list[Wall]) -> None:
    """Doors so that every room can be reached (a spanning tree that prefers long walls), and one out."""
    group = {cell.box: cell.box for cell in cells}
    for wall in sorted(walls, key=lambda wall: -wall.length * rng.uniform(0.5, 1.0)):
        first, second = wall.sides
        if first is None or second is None or group[first.box] == group[second.box]:
            continue
        _add_door(rng, wall)
        joined, other = group[first.box], group[second.box]
        group = {box: joined if name == other else name for box, name in group.items()}
    outside = [wall for wall in walls if None in wall.sides and wall.length > 1.5 * DOOR_WIDTH]
    hall = [wall for wall in outside if wall.indoor[0].kind == "Entry Lobby"]
    _add_door(rng, rng.choice(hall or outside))


def _add_door(rng: random.Random, wall: Wall) -> None:
    free = wall.length - OUTER_THICKNESS - 8
    width = min(DOOR_WIDTH, 0.85 * free)
    offset = OUTER_THICKNESS / 2 + 4 + rng.choice([0.0, 0.0, 0.5, 1.0, 1.0]) * (free - width)
    before, after = (cell.box.area if cell else 0.0 for cell in wall.sides)
    # Into the larger room, where it covers no label.
    opening = Opening("Door", _across(wall, offset, width), rng.random() < 0.5, 1 if after > before else -1)
    wall.openings.append(opening)


def _open_windows(rng: random.Random, walls: list[Wall]) -> None:
    for wall in walls:
        dark = wall.indoor[0].kind in {"Bath", "Closet WalkIn", "Storage"}
        if not wall.external or wall.openings or wall.length < 110 or rng.random() < (0.75 if dark else 0.15):
            continue
        width = wall.length * rng.uniform(0.35, 0.6)
        wall.openings.append(Opening("Window", _across(wall, (wall.length - width) / 2, width)))


def _across(wall: Wall, offset: float, width: float) -> Box:
    """The part of a wall from `offset` to `offset + width` along it, over its whole thickness."""
    (x, y), half = wall.start, wall.thickness / 2
    if wall.horizontal:
        return Box(x + offset, y - half, x + offset + width, y + half)
    return Box(x - half, y + offset, x + half, y + offset + width)


def _floor(cell: Cell, walls: list[Wall]) -> Box:
    """The cell less half of the thickest wall on each side."""
    box = cell.box

    def inset(horizontal: bool, line: float) -> float:
        return max(
            wall.thickness / 2
            for wall in walls
            if wall.horizontal == horizontal and cell in wall.sides and wall.start[1 if horizontal else 0] == line
        )

    return Box(
        box.x0 + inset(False, box.x0),
        box.y0 + inset(True, box.y0),
        box.x1 - inset(False, box.x1),
        box.y1 - inset(True, box.y1),
    )
