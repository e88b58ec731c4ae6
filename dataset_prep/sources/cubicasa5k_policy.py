"""What counts as wall and room in CubiCasa5K's plans."""

from __future__ import annotations

from dataclasses import dataclass

WALL, ROOM = CLASSES = ("wall", "room")


@dataclass(frozen=True)
class Policy:
    """What counts as wall and room where opinions differ; the defaults are those of the Kaggle annotations that the
    YOLO baseline was trained on, but for railings, which that conversion took for walls by mistake."""

    railings_are_walls: bool = False
    outdoor_is_room: bool = True
    undefined_is_room: bool = True
