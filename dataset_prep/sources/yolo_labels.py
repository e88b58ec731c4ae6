"""Rows of a YOLO label file to boxes in pixels: plain boxes, predictions, polygons and oriented boxes, also mixed.

https://docs.ultralytics.com/datasets/detect/ and /segment/ and /obb/: class x_centre y_centre width height, or
class x1 y1 x2 y2 ..., all but the class as shares of the picture's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

_TOLERANCE = 0.01  # Ultralytics accepts coordinates from -0.01 to 1.01
_DECIMALS = 3  # of a pixel

Edges = tuple[float, float, float, float]


class RowError(ValueError):
    """A row that means nothing; the message ends the sentence "line 7 ..."."""


class NoAreaError(RowError):
    """A box without width or height."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object: its class index and its box [x, y, width, height] in pixels, cut at the picture's edge."""

    line: int
    class_index: int
    bbox: tuple[float, float, float, float]
    clipped: bool
    """True if more than a rounding error was cut off."""


def parse_labels(text: str, width: int, height: int, *, clip: bool = False) -> Iterator[Row | tuple[int, RowError]]:
    """Each row of a label file (blank lines skipped) for a picture of `width` x `height` pixels, or what is wrong.

    With `clip`, boxes that reach far beyond the picture are cut too, as long as their centre is inside.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        tokens = line.split()
        if tokens:
            try:
                yield _row(number, tokens, width, height, clip=clip)
            except RowError as error:
                yield number, error


def _row(line: int, tokens: list[str], width: int, height: int, *, clip: bool) -> Row:
    try:
        numbers = [float(token) for token in tokens]
    except ValueError:
        raise RowError(f"holds something that is no number: {' '.join(tokens)[:80]!r}") from None
    if not all(map(math.isfinite, numbers)):
        raise RowError("holds NaN or an infinite number")
    class_index, *coordinates = numbers
    if class_index < 0 or class_index != int(class_index):
        raise RowError(f"has the class {tokens[0]}, which is no whole number from 0 on")
    x0, y0, x1, y1 = _edges(coordinates, clip=clip)
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in (x0, y0, x1, y1))
    x, y = round(left * width, _DECIMALS), round(top * height, _DECIMALS)
    box_width, box_height = round(right * width - x, _DECIMALS), round(bottom * height - y, _DECIMALS)
    if box_width <= 0 or box_height <= 0:
        raise NoAreaError("is a box without area")
    if clip and not (0 <= x0 + x1 <= 2 and 0 <= y0 + y1 <= 2):
        raise RowError("is a box whose centre lies outside of the picture, too far for cutting it")
    cut = max(left - x0, top - y0, x1 - right, y1 - bottom)
    return Row(line, int(class_index), (x, y, box_width, box_height), cut > _TOLERANCE)


def _edges(coordinates: list[float], *, clip: bool) -> Edges:
    """x0, y0, x1, y1 as shares of the picture."""
    count = len(coordinates)
    if count < 4 or (count > 5 and count % 2):
        raise RowError(
            f"has {count + 1} numbers; a box has 5 (6 with its confidence), a polygon an odd number from 7 on"
        )
    shares = coordinates[:4] if count == 5 else coordinates  # the sixth number is a prediction's confidence
    if min(shares) > 1 or max(shares) > 2:  # pixels may well be 0 or 1 too
        raise RowError("is in pixels; YOLO wants shares of the picture's width and height, from 0 to 1")
    if not clip and (min(shares) < -_TOLERANCE or max(shares) > 1 + _TOLERANCE):
        raise RowError(f"has the coordinate {max(shares, key=lambda share: abs(share - 0.5)):g} outside of 0 to 1")
    if count > 5:
        xs, ys = shares[::2], shares[1::2]
        return min(xs), min(ys), max(xs), max(ys)
    x, y, width, height = shares
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
