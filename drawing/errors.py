"""Draws a plan with what a model did on it: hits, false boxes, and boxes that it missed; whole, or a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from PIL import Image, ImageDraw

from drawing.boxes import corners_of

Style = Literal["truth", "hit", "false", "missed"]
STYLES: Mapping[Style, tuple[tuple[int, int, int], int]] = {
    "truth": ((90, 98, 110), 1),
    "hit": ((0, 158, 115), 2),
    "missed": ((0, 92, 190), 3),
    "false": ((213, 74, 0), 3),
}
"""Colour and width of the outline, in the order of drawing; those of misses and of the truth are dashed, so that nobody
depends on colours."""
_DASH, _GAP = 7, 4
_FILL = 26
_LEAST_AROUND = 40


class StyledBox(NamedTuple):
    """A box and what it is."""

    style: Style
    bbox: tuple[float, float, float, float]
    """[x, y, width, height] in pixels of the image."""


def draw_errors(image: Image.Image, boxes: Sequence[StyledBox], side: int) -> Image.Image:
    """A copy of `image` with the boxes, at most `side` pixels wide and high (never enlarged)."""
    scale = min(1.0, side / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return _draw(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), boxes, scale)


def draw_part(image: Image.Image, boxes: Sequence[StyledBox], about: Sequence[StyledBox], side: int) -> Image.Image:
    """The part of `image` around the boxes `about`, with all `boxes`; at most `side` pixels wide and high."""
    left, top = (min(box.bbox[axis] for box in about) for axis in (0, 1))
    right, bottom = (max(box.bbox[axis] + box.bbox[axis + 2] for box in about) for axis in (0, 1))
    longer = max(right - left, bottom - top)
    reach = longer / 2 + max(_LEAST_AROUND, 0.4 * longer)
    middles = (((left + right) / 2, image.width), ((top + bottom) / 2, image.height))
    start = [max(0, min(int(middle - reach), most - 1)) for middle, most in middles]
    end = [min(int(middle + reach), most) for middle, most in middles]
    area = (start[0], start[1], max(end[0], start[0] + 1), max(end[1], start[1] + 1))
    part = image.crop(area).convert("RGB")
    scale = min(side / max(part.size), 4.0)
    size = max(1, round(part.width * scale)), max(1, round(part.height * scale))
    moved = [
        StyledBox(box.style, (box.bbox[0] - area[0], box.bbox[1] - area[1], box.bbox[2], box.bbox[3])) for box in boxes
    ]
    return _draw(part.resize(size, Image.Resampling.LANCZOS), moved, scale)


def _draw(canvas: Image.Image, boxes: Sequence[StyledBox], scale: float) -> Image.Image:
    tint = Image.new("RGBA", canvas.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(tint)
    for style, (colour, width) in STYLES.items():
        for box in boxes:
            if box.style != style or (corners := corners_of(box.bbox, scale, canvas.size)) is None:
                continue
            if style in ("false", "missed"):
                pen.rectangle(corners, fill=(*colour, _FILL))
            if style in ("truth", "missed"):
                for line in _dashes(corners):
                    pen.line(line, fill=(*colour, 255), width=width)
            else:
                pen.rectangle(corners, outline=(*colour, 255), width=width)
    return Image.alpha_composite(canvas.convert("RGBA"), tint).convert("RGB")


def _dashes(corners: tuple[float, float, float, float]) -> Iterator[tuple[float, float, float, float]]:
    """The lines of a rectangle's dashed outline."""
    left, top, right, bottom = corners
    for start in range(int(left), max(int(left) + 1, int(right)), _DASH + _GAP):
        for y in (top, bottom):
            yield start, y, min(start + _DASH, right), y
    for start in range(int(top), max(int(top) + 1, int(bottom)), _DASH + _GAP):
        for x in (left, right):
            yield x, start, x, min(start + _DASH, bottom)
