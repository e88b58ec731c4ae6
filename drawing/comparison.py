"""Draws a plan twice on one picture: with its true boxes and with those that a model has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from dataset_contract.sanitise import sanitise
from drawing.boxes import Box, colour_of, draw_boxes

_GAP = 8
_LINE = 20
_FONT = 13
_INK = (60, 60, 60)
_WHITE = (255, 255, 255)
_LONGEST_NAME = 24


def draw_comparison(
    plan: Image.Image, truth: Sequence[Box], found: Sequence[Box], classes: Sequence[str], side: int, *, title: str
) -> Image.Image:
    """`plan` with the boxes of `truth` and again with those of `found`, at most `side` pixels wide and high.

    Side by side or one above the other, whichever shows it larger. Above them are `title` and the colours of the
    classes that are drawn, as many as there is room for.
    """
    beside = plan.width / (side - 3 * _GAP) * 2, plan.height / (side - 2 * _LINE - 2 * _GAP)
    above = plan.width / (side - 2 * _GAP), plan.height / (side - 3 * _LINE - 3 * _GAP) * 2
    shrinking = max(1.0, min(max(beside), max(above)))
    panels = [draw_boxes(plan, boxes, classes, int(max(plan.size) / shrinking)) for boxes in (truth, found)]
    width, height = panels[0].size
    step = (width + _GAP, 0) if max(beside) <= max(above) else (0, height + _LINE + _GAP)
    size = step[0] + width + 2 * _GAP, step[1] + height + 2 * _LINE + 2 * _GAP
    sheet = Image.new("RGB", size, _WHITE)
    drawn = {box.label for box in (*truth, *found)}
    _write_legend(sheet, title, {name: colour_of(name, classes) for name in classes if name in drawn})
    pen, captions = ImageDraw.Draw(sheet), (f"true: {_boxes(truth)}", f"found: {_boxes(found)}")
    for number, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
        left, top = _GAP + number * step[0], _GAP + _LINE + number * step[1]
        sheet.paste(panel, (left, top))
        pen.text((left, top + height + 2), caption, fill=_INK, font=ImageFont.load_default(_FONT))
    return sheet


def _write_legend(sheet: Image.Image, title: str, colours: Mapping[str, tuple[int, int, int]]) -> None:
    """The title, then for each class a square of its colour and the name."""
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT)
    pen.text((_GAP, _GAP), title, fill=_INK, font=font)
    left = 3 * _GAP + pen.textlength(title, font=font)
    for label, colour in colours.items():
        name = sanitise(label, longest=_LONGEST_NAME)
        right = left + _LINE + pen.textlength(name, font=font)
        if right > sheet.width - _GAP:
            return
        pen.rectangle((left, _GAP + 2, left + _FONT - 2, _GAP + _FONT), fill=colour)
        pen.text((left + _LINE, _GAP), name, fill=_INK, font=font)
        left = right + 2 * _GAP


def _boxes(boxes: Sequence[Box]) -> str:
    return "1 box" if len(boxes) == 1 else f"{len(boxes)} boxes"
