"""Draws docs/vectors.svg: a generated plan with the walls and rooms that its boxes give.

python docs/vectors_picture.py
"""

from pathlib import Path

from benchmarks.room_polygons import KINDS, sample
from prediction.formats.svg import to_svg
from prediction.vectors.floor_plan import floor_plan

PICTURE = Path(__file__).with_name("vectors.svg")
NUMBER = 7
"""A plan with angled rooms, doors as gaps, and rooms that no wall divides."""


def main() -> None:
    shown = sample(NUMBER, KINDS["angled, gaps, open"])
    plan = floor_plan(shown.boxes, shown.picture.size)
    PICTURE.write_bytes(to_svg(plan, "A generated plan", image=shown.picture, metres_per_pixel=0.02))


if __name__ == "__main__":
    main()
