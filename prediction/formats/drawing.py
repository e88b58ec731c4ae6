"""A plan as a picture with the boxes that were found on it."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

from drawing.boxes import LabelledBox, draw_boxes
from prediction.formats.result import PlanResult

DRAWING = ".drawn.png"
"""What follows the plan's name in that of the drawing."""
DRAWING_SIDE = 2000
"""Pixels of its long side at most."""


def to_drawing(picture: Image.Image, result: PlanResult, classes: Sequence[str]) -> bytes:
    """The PNG of `picture`, the plan's upright one; `classes` are the model's, by which colours go."""
    boxes = [
        LabelledBox(each.label, (each.box[0], each.box[1], each.box[2] - each.box[0], each.box[3] - each.box[1]))
        for each in result.detections
    ]
    content = io.BytesIO()
    draw_boxes(picture, boxes, classes, DRAWING_SIDE).save(content, "PNG")
    return content.getvalue()
