"""Rows of a YOLO label file to boxes in pixels: boxes, predictions, tracks, polygons and oriented boxes, also mixed.

Boxes with key points are told from polygons by data.yaml or the person.

https://docs.ultralytics.com/datasets/detect/, /segment/, /obb/ and /pose/: class x_centre y_centre width height, or
class x1 y1 x2 y2 ..., or class x_centre y_centre width height x1 y1 [visibility1] x2 ..., all coordinates as shares of
the image's width and height.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from dataset_prep.rounding import rounded

TOLERANCE = 0.01
"""Share of the image's side; Ultralytics accepts coordinates from -0.01 to 1.01."""
MAX_CLASSES = 10_000
"""A class's index is below it."""


class Form(Enum):
    """What a row is, by its numbers alone."""

    BOX = "box"
    PREDICTION = "box with a confidence"
    TRACKED = "box with the number of its track"
    POLYGON = "polygon"
    POLYGON_OR_KEY_POINTS = "polygon, or a box around the points that follow it"


class KeyPoints(NamedTuple):
    """How many key points follow the box in each row, as `kpt_shape` of data.yaml says it."""

    points: int
    numbers: int
    """2 for each point, or 3 with its visibility."""

    def __str__(self) -> str:
        """As data.yaml has it."""
        return f"kpt_shape [{self.points}, {self.numbers}]"


NO_KEY_POINTS = KeyPoints(0, 2)
"""Long rows are polygons."""

Edges = tuple[float, float, float, float]


class RowError(ValueError):
    """A row that means nothing; the message ends the sentence "line 7 ..."."""

    def __init__(self, code: str, problem: str) -> None:
        """`code` is the finding's."""
        super().__init__(problem)
        self.code = code


NO_AREA = "LABEL_BOX_EMPTY"
"""Code of a box without width or height."""
OUTSIDE = "LABEL_OUTSIDE"
"""Code of a box, or a coordinate, that is outside of the image by more than what is tolerated."""


class Row(NamedTuple):
    """One object: its class index and its box [x, y, width, height] in pixels, cut at the image's edge."""

    line: int
    class_index: int
    bbox: tuple[float, float, float, float]
    cut: float
    """Share of the image's side that was cut off, 0 as a rule."""
    form: Form = Form.BOX


def parse_labels(
    text: str, width: int, height: int, *, clip: bool = False, key_points: KeyPoints = NO_KEY_POINTS
) -> Iterator[Row | tuple[int, RowError]]:
    """Each row of a label file (blank lines skipped) for an image of `width` x `height` pixels, or what is wrong.

    With `clip`, boxes that reach far beyond the image are cut too, as long as their centre is inside. With
    `key_points`, a long row is a box and that many points.
    """
    pose = 5 + key_points.points * key_points.numbers if key_points.points else 0
    usual = text.isascii() and "_" not in text  # Python's numbers may have both
    for number, line in enumerate(text.splitlines(), start=1):
        tokens = line.split()
        if not tokens:
            continue
        if pose and len(tokens) == pose:
            tokens = tokens[:5]
        elif pose and len(tokens) != 5:
            yield number, RowError("LABEL_LENGTH", f"has {len(tokens)} numbers; with {key_points} it has {pose}")
            continue
        row = _usual_row(number, tokens, width, height) if usual and len(tokens) == 5 else None
        if row is None:
            try:
                row = _row(number, tokens, width, height, clip=clip)
            except RowError as error:
                yield number, error
                continue
        yield row


def _usual_row(line: int, tokens: list[str], width: int, height: int) -> Row | None:
    """The row of a box inside of its image, as nearly all are; None for any other, which _row looks at closely."""
    index, x, y, w, h = tokens
    if not index.isdecimal() or len(index) > 4:
        return None
    try:
        centre_x, centre_y, half_width, half_height = float(x), float(y), float(w) / 2, float(h) / 2
    except ValueError:
        return None
    left, right = centre_x - half_width, centre_x + half_width
    top, bottom = centre_y - half_height, centre_y + half_height
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        return None
    x0, y0 = rounded(left * width), rounded(top * height)
    box_width, box_height = rounded(right * width - x0), rounded(bottom * height - y0)
    if box_width <= 0 or box_height <= 0:
        return None
    fields = (line, int(index), (x0, y0, box_width, box_height), 0.0, Form.BOX)
    return tuple.__new__(Row, fields)  # Row(...) is a call in Python


def _row(line: int, tokens: list[str], width: int, height: int, *, clip: bool) -> Row:
    text = " ".join(tokens)
    try:
        numbers = [float(token) for token in tokens]
        if not text.isascii() or "_" in text:  # which Python's numbers may have
            raise ValueError
    except ValueError:
        raise RowError("LABEL_NOT_A_NUMBER", f"holds something that is not a number: {text[:80]!r}") from None
    if not all(map(math.isfinite, numbers)):
        raise RowError("LABEL_NOT_A_NUMBER", "holds NaN or an infinite number")
    class_index, *coordinates = numbers
    if not 0 <= class_index < MAX_CLASSES or class_index != int(class_index):
        raise RowError("LABEL_CLASS_INVALID", f"has the class {tokens[0][:20]}, which is not a whole number from 0 on")
    x0, y0, x1, y1 = _edges(coordinates, clip=clip)
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in (x0, y0, x1, y1))
    x, y = rounded(left * width), rounded(top * height)
    box_width, box_height = rounded(right * width - x), rounded(bottom * height - y)
    cut = max(left - x0, top - y0, x1 - right, y1 - bottom)
    if box_width <= 0 or box_height <= 0:
        if x1 > x0 and y1 > y0 and cut > 0:
            raise RowError(OUTSIDE, "is a box outside of the image")
        raise RowError(NO_AREA, "is a box without area")
    if clip and not (0 <= x0 + x1 <= 2 and 0 <= y0 + y1 <= 2):
        raise RowError(OUTSIDE, "is a box whose centre is outside of the image, too far to cut it")
    return Row(line, int(class_index), (x, y, box_width, box_height), cut, _form(coordinates))


def _form(coordinates: list[float]) -> Form:
    if len(coordinates) <= 5:
        return Form.BOX if len(coordinates) == 4 else Form.PREDICTION if coordinates[4] <= 1 else Form.TRACKED
    x, y, width, height, *rest = coordinates
    left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if min(width, height) <= 0 or min(left, top) < -TOLERANCE or max(right, bottom) > 1 + TOLERANCE:
        return Form.POLYGON
    for numbers in (2, 3):
        points = list(zip(*(rest[start::numbers] for start in range(numbers)), strict=False))
        whole = len(rest) == numbers * len(points) and all(point[2:] in ((), (0,), (1,), (2,)) for point in points)
        inside = (
            left - TOLERANCE <= point[0] <= right + TOLERANCE and top - TOLERANCE <= point[1] <= bottom + TOLERANCE
            for point in points
            if point[2:] != (0,)  # of a point that is not visible, nothing is known
        )
        if whole and all(inside):
            return Form.POLYGON_OR_KEY_POINTS
    return Form.POLYGON


def _edges(coordinates: list[float], *, clip: bool) -> Edges:
    """x0, y0, x1, y1 as shares of the image."""
    count = len(coordinates)
    if count < 4 or (count > 5 and count % 2):
        raise RowError(
            "LABEL_LENGTH",
            f"has {count + 1} numbers; a box has 5 (6 with a confidence or track), a polygon an odd number from 7 on",
        )
    if count == 5 and not (0 <= coordinates[4] <= 1 or (coordinates[4] > 1 and coordinates[4].is_integer())):
        raise RowError(
            "LABEL_LENGTH",
            f"has 6 numbers; the last, {coordinates[4]:g}, is neither a confidence from 0 to 1 nor a track's number",
        )
    shares = coordinates[:4] if count == 5 else coordinates
    if min(shares) > 1 or max(shares) > 2:  # pixels may well be 0 or 1 too
        raise RowError(
            "LABEL_IN_PIXELS", "is in pixels; YOLO wants shares of the image's width and height, from 0 to 1"
        )
    farthest = max(shares, key=lambda share: abs(share - 0.5))
    if not clip and not -TOLERANCE <= farthest <= 1 + TOLERANCE:
        raise RowError(OUTSIDE, f"has the coordinate {farthest:g} outside of 0 to 1")
    if count > 5:
        xs, ys = shares[::2], shares[1::2]
        return min(xs), min(ys), max(xs), max(ys)
    x, y, width, height = shares
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
