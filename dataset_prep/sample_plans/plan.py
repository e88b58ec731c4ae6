"""A made-up floor plan as geometry, in centimetres: rooms, walls with doors and windows, railings, fixtures."""

from __future__ import annotations

import random
from dataclasses import dataclass

from dataset_prep.sample_plans.rooms import LABELS, Box, Cell, make_cells
from dataset_prep.sample_plans.walls import OUTER_THICKNESS, Opening, Wall, make_walls

MARGIN = 105.0
DOOR_WIDTH = 85.0

# The fixtures of each room: CubiCasa5K's class, width along the wall and depth.
FIXTURES: dict[str, tuple[tuple[str, float, float], ...]] = {
    "Bath": (("Shower", 85, 85), ("Toilet", 42, 68), ("Sink", 55, 45)),
    "Kitchen": (("BaseCabinet", 200, 60), ("Refrigerator", 60, 60)),
    "Bedroom": (("Closet", 120, 58),),
    "LivingRoom": (("Fireplace", 100, 50),),
    "Closet WalkIn": (("Closet", 90, 45),),
    "Entry Lobby": (("Closet", 80, 45),),
}


@dataclass(frozen=True)
class Room:
    """What one sees of a room: the floor between the faces of its walls."""

    kind: str
    label: str
    floor: Box


@dataclass(frozen=True)
class Fixture:
    """Something fixed, with its back to the wall on the side `back` (left, right, top, bottom)."""

    kind: str
    box: Box
    back: str


@dataclass(frozen=True)
class Plan:
    """A floor plan on a sheet of `width` x `height` centimetres; all coordinates count from the sheet's top left."""

    width: float
    height: float
    rooms: list[Room]
    walls: list[Wall]
    railings: list[Wall]
    columns: list[Box]
    fixtures: list[Fixture]
    outline: Box


def make_plan(rng: random.Random) -> Plan:
    """A flat of 4 to 8 rooms with 8 to 25 pieces of wall; the same numbers from `rng` make the same plan."""
    left, top = MARGIN + rng.randint(0, 90), MARGIN + rng.randint(0, 70)
    cells = make_cells(rng, left, top)
    everything = make_walls(cells)
    walls = [wall for wall in everything if not wall.railing]
    _open_doors(rng, cells, walls)
    _open_windows(rng, walls)
    language = rng.randrange(2)
    rooms = [Room(cell.kind, LABELS[cell.kind][language], _floor(cell, everything)) for cell in cells]
    outline = Box(left, top, max(cell.box.x1 for cell in cells), max(cell.box.y1 for cell in cells))
    return Plan(
        width=outline.x1 + MARGIN + rng.randint(0, 70),
        height=outline.y1 + MARGIN + rng.randint(0, 50),
        rooms=rooms,
        walls=walls,
        railings=[wall for wall in everything if wall.railing],
        columns=_columns(rng, rooms),
        fixtures=_fixtures(rng, rooms, walls),
        outline=outline,
    )


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
        on_side = [
            wall.thickness / 2
            for wall in walls
            if wall.horizontal == horizontal and cell in wall.sides and wall.start[1 if horizontal else 0] == line
        ]
        return max(on_side)

    return Box(
        box.x0 + inset(False, box.x0),
        box.y0 + inset(True, box.y0),
        box.x1 - inset(False, box.x1),
        box.y1 - inset(True, box.y1),
    )


def _columns(rng: random.Random, rooms: list[Room]) -> list[Box]:
    large = [room.floor for room in rooms if room.kind == "LivingRoom" and room.floor.area > 90_000]
    if not large or rng.random() < 0.5:
        return []
    x, y = large[0].x0 + rng.uniform(70, 100), large[0].y0 + rng.uniform(70, 90)
    return [Box(x, y, x + 26, y + 26)]


def door_sweep(opening: Opening, horizontal: bool) -> Box:
    """The floor that a door needs to open: a square on the side it swings to, and a little room on the other."""
    box = opening.box
    if horizontal:
        width = box.x1 - box.x0
        return (
            box._replace(y0=box.y0 - width, y1=box.y1 + 10)
            if opening.swing < 0
            else box._replace(y0=box.y0 - 10, y1=box.y1 + width)
        )
    width = box.y1 - box.y0
    return (
        box._replace(x0=box.x0 - width, x1=box.x1 + 10)
        if opening.swing < 0
        else box._replace(x0=box.x0 - 10, x1=box.x1 + width)
    )


def _fixtures(rng: random.Random, rooms: list[Room], walls: list[Wall]) -> list[Fixture]:
    taken = [
        door_sweep(opening, wall.horizontal) for wall in walls for opening in wall.openings if opening.kind == "Door"
    ]
    for room in rooms:
        x, y = (room.floor.x0 + room.floor.x1) / 2, (room.floor.y0 + room.floor.y1) / 2
        taken.append(Box(x - 45, y - 18, x + 45, y + 18))  # the label
    placed: list[Fixture] = []
    for room in rooms:
        for kind, width, depth in FIXTURES.get(room.kind, ()):
            for _ in range(12):
                fixture = _against_wall(rng, room.floor, kind, width, depth)
                if fixture is not None and not any(fixture.box.overlaps(box) for box in taken):
                    placed.append(fixture)
                    taken.append(fixture.box)
                    break
    return placed


def _against_wall(rng: random.Random, floor: Box, kind: str, width: float, depth: float) -> Fixture | None:
    back = rng.choice(["left", "right", "top", "bottom"])
    along = floor.x1 - floor.x0 if back in {"top", "bottom"} else floor.y1 - floor.y0
    deep = floor.y1 - floor.y0 if back in {"top", "bottom"} else floor.x1 - floor.x0
    if width > along or depth > deep * 0.6:
        return None
    offset = rng.choice([0.0, 1.0, rng.random()]) * (along - width)
    if back == "top":
        box = Box(floor.x0 + offset, floor.y0, floor.x0 + offset + width, floor.y0 + depth)
    elif back == "bottom":
        box = Box(floor.x0 + offset, floor.y1 - depth, floor.x0 + offset + width, floor.y1)
    elif back == "left":
        box = Box(floor.x0, floor.y0 + offset, floor.x0 + depth, floor.y0 + offset + width)
    else:
        box = Box(floor.x1 - depth, floor.y0 + offset, floor.x1, floor.y0 + offset + width)
    return Fixture(kind, box, back)
