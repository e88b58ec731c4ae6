"""Draws a plan with its boxes: the one way in which preparation, training, evaluation and the demo show them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from PIL import Image, ImageDraw

COLOURS = {"wall": (214, 39, 40), "room": (31, 119, 180)}
_OTHER_COLOURS = (
    (44, 160, 44),
    (148, 103, 189),
    (255, 127, 14),
    (23, 190, 207),
    (227, 119, 194),
    (140, 86, 75),
    (188, 189, 34),
    (106, 61, 154),
    (0, 109, 91),
    (127, 127, 127),
)


class Box(Protocol):
    """What can be drawn."""

    @property
    def label(self) -> str:
        """Its class by name."""

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """[x, y, width, height] in pixels of the image."""


class LabelledBox(NamedTuple):
    """A Box and nothing else."""

    label: str
    bbox: tuple[float, float, float, float]


def colour_of(label: str, classes: Sequence[str]) -> tuple[int, int, int]:
    """The colour of a class: walls red, rooms blue, others in the order of `classes`."""
    if label in COLOURS:
        return COLOURS[label]
    others = [name for name in classes if name not in COLOURS]
    return _OTHER_COLOURS[others.index(label) % len(_OTHER_COLOURS)] if label in others else (0, 0, 0)


def draw_boxes(
    image: Image.Image,
    boxes: Iterable[Box],
    classes: Sequence[str],
    side: int,
    *,
    marked: Box | None = None,
) -> Image.Image:
    """A copy of `image` with its boxes, at most `side` pixels wide and high (never enlarged); one box may be marked.

    What cannot be drawn (negative or infinite sizes) is left out: the report's findings name it.
    """
    scale = min(1.0, side / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    canvas = image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    tint = Image.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(tint)
    # Rooms first: they are large, and walls are at their edges.
    for box in sorted(boxes, key=lambda box: -box.bbox[2] * box.bbox[3]):
        if (corners := corners_of(box.bbox, scale, size)) is None:
            continue
        colour = colour_of(box.label, classes)
        filled = (*colour, 28) if box.label != "wall" else (*colour, 70)
        pen.rectangle(corners, fill=filled, outline=(*colour, 255), width=1 if scale < 1 else 2)
    if marked is not None and (corners := corners_of(marked.bbox, scale, size)) is not None:
        left, top, right, bottom = corners
        around = (left - 4, top - 4, right + 4, bottom + 4)
        pen.rectangle(around, outline=(0, 0, 0, 255), width=5)
        pen.rectangle(around, outline=(255, 214, 0, 255), width=3)
    return Image.alpha_composite(canvas.convert("RGBA"), tint).convert("RGB")


def corners_of(
    bbox: tuple[float, float, float, float], scale: float, size: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom on the drawing, just outside of it where the box goes beyond; None if there are none."""
    x, y, width, height = (number * scale for number in bbox)
    if not all(map(math.isfinite, (x, y, width, height))) or width < 0 or height < 0:
        return None
    left, right = (min(max(number, -2.0), size[0] + 2.0) for number in (x, x + width))
    top, bottom = (min(max(number, -2.0), size[1] + 2.0) for number in (y, y + height))
    return left, top, right, bottom
