"""The rooms' areas of a plan as CSV for a spreadsheet."""

import csv
import io

from dataset_contract.sanitise import text_cell, written_name
from prediction.formats.measures import check_scale, square_metres
from prediction.vectors.plan import FloorPlan

COLUMNS = ("plan", "room", "outline", "area_px", "area_m2", "score", "x0", "y0", "x1", "y1")
"""`area_m2` is empty without a scale; the box is the room box in pixels."""


def to_areas_csv(plan: FloorPlan, picture: str, *, metres_per_pixel: float | None = None) -> bytes:
    """One line a room, numbered as in the other formats; `picture` is the name of the plan's picture.

    Raises ValueError: see check_scale().
    """
    check_scale(metres_per_pixel)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, room in enumerate(plan.rooms, start=1):
        metres = square_metres(room, metres_per_pixel)
        writer.writerow(
            [
                text_cell(written_name(picture)),
                number,
                room.outline,
                f"{room.area:.2f}",
                "" if metres is None else f"{metres:.4f}",
                f"{room.score:.4f}",
                *(f"{value:.2f}" for value in room.box),
            ]
        )
    return text.getvalue().encode()
