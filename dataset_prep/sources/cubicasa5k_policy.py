"""What counts as wall, room, door and window in CubiCasa5K's plans."""

from __future__ import annotations

from dataclasses import dataclass

WALL, ROOM = CLASSES = ("wall", "room")
DOOR, WINDOW = OPENINGS = ("door", "window")


@dataclass(frozen=True)
class Policy:
    """What counts as what where opinions differ; the defaults are those of the Kaggle annotations that the
    YOLO baseline was trained on, but for railings, which that conversion took for walls by mistake."""

    railings_are_walls: bool = False
    outdoor_is_room: bool = True
    undefined_is_room: bool = True
    openings: frozenset[str] = frozenset()
    """Those of OPENINGS that are read."""
    doors_with_swing: bool = False
    """A door's box is around its opening in the wall and the leaf's swing; without, around the opening alone."""
