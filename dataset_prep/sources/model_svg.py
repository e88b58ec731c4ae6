"""Reads CubiCasa5K's model.svg: the outlines of walls, rooms, railings, doors and windows, in the SVG's own units."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

MAX_BYTES = 8 << 20  # the originals are about 35 KB; elements take up to 50 times as much memory as bytes

Polygon = list[tuple[float, float]]
Matrix = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f as in SVG's matrix()

_IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TRANSFORM = re.compile(r"\b(\w++)\s*+\(([^()]*+)\)")  # each character is looked at once, whatever is there
_SEGMENT = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*+)")
_SEGMENT_LENGTHS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}
_OPENINGS = ("Door", "Window")
_OUTLINED = ("Wall", "Space", "Railing", "Column", *_OPENINGS)


class SvgError(ValueError):
    """The file is not a model.svg; the message ends the sentence "model.svg ..."."""


@dataclass(frozen=True)
class Space:
    """A room: its type as CubiCasa5K writes it after `Space`, such as "Closet WalkIn", and its outline."""

    kind: str
    outline: Polygon


@dataclass(frozen=True)
class Opening:
    """A door or window: its outline in the wall, and all corners of what its leaves sweep over, none for a window."""

    outline: Polygon
    swing: Polygon


@dataclass
class Model:
    """The annotated outlines of all floors."""

    walls: list[Polygon] = field(default_factory=list)
    spaces: list[Space] = field(default_factory=list)
    railings: list[Polygon] = field(default_factory=list)
    doors: list[Opening] = field(default_factory=list)
    windows: list[Opening] = field(default_factory=list)
    without_outline: Counter[str] = field(default_factory=Counter)
    """How many have no usable polygon, by the class that CubiCasa5K gives them: Wall, Space, Railing, Door, Window."""


def parse_model(data: bytes) -> Model:
    """The outlines in a model.svg, transforms applied, hidden floors included.

    Raises SvgError if the bytes are not well-formed SVG or hold no `g#Model`.
    """
    if len(data) > MAX_BYTES:
        raise SvgError(f"has {len(data):,} bytes, more than any floor plan needs")
    try:
        root: Element = defusedxml.ElementTree.fromstring(data)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:  # LookupError: an unknown encoding
        raise SvgError(f"is not well-formed XML ({error})") from error
    if _name(root) != "svg":
        raise SvgError(f"is not an SVG: its root element is <{_name(root)}>")
    if not any("Model" in _classes(group) for group in root.iter()):
        raise SvgError("holds no group of the class Model, so it is not a floor plan of CubiCasa5K")
    model = Model()
    for element, kind, matrix in _outlined(root):
        outline = _outline(element, matrix)
        if outline is None:
            model.without_outline[kind] += 1
        elif kind == "Wall":
            model.walls.append(outline)
        elif kind == "Railing":
            model.railings.append(outline)
        elif kind in _OPENINGS:
            openings = model.doors if kind == "Door" else model.windows
            openings.append(Opening(outline, _swept(element, matrix)))
        elif kind == "Space":
            classes = _classes(element)
            model.spaces.append(Space(" ".join(classes[classes.index("Space") + 1 :]), outline))
    return model


def _outlined(root: Element) -> Iterator[tuple[Element, str, Matrix]]:
    """Walls, spaces, railings, columns, doors and windows in the file's order, each with the transform that holds for
    its children.

    Inside of another one, only doors and windows count, which are inside walls; inside of these, nothing. A stack
    instead of recursion: a malicious file may nest as deeply as it likes.
    """
    stack: list[tuple[Element, Matrix, tuple[str, ...]]] = [(root, _IDENTITY, _OUTLINED)]
    while stack:
        element, outer, kinds = stack.pop()
        matrix = _compose(outer, _matrix(element))
        classes = _classes(element)
        if "FloorsCompose" in classes:  # only <use> references to the floors
            continue
        kind = next((kind for kind in kinds if kind in classes), None)
        if kind is not None:
            yield element, kind, matrix
        if kind not in _OPENINGS:
            stack.extend((child, matrix, kinds if kind is None else _OPENINGS) for child in reversed(element))


def _outline(element: Element, matrix: Matrix) -> Polygon | None:
    """The first direct child polygon, which is the outline; later ones belong to doors, windows and marks."""
    polygon = next((child for child in element if _name(child) == "polygon"), None)
    if polygon is None:
        return None
    # Numbers, not pairs: both "x,y x,y " and "-5,5,0,0,5,5" occur.
    numbers = [float(number) for number in _NUMBER.findall(polygon.get("points", ""))]
    if len(numbers) < 6 or len(numbers) % 2:
        return None
    return _moved(zip(numbers[::2], numbers[1::2], strict=True), _compose(matrix, _matrix(polygon))) or None


def _swept(element: Element, matrix: Matrix) -> Polygon:
    """The ends of all lines and arcs in a door's or window's panels: the corners of a leaf's quarter of a circle."""
    corners: Polygon = []
    stack = [(child, _compose(matrix, _matrix(child))) for child in element if "Panel" in _classes(child)]
    while stack:
        inner, outer = stack.pop()
        if _name(inner) == "path":
            corners += _moved(path_ends(inner.get("d", "")), outer)
        stack.extend((child, _compose(outer, _matrix(child))) for child in inner)
    return corners


def path_ends(data: str) -> Polygon:
    """Where the segments of an SVG path end (SVG 1.1, 8.3), as far as it can be read; their curves lie between."""
    x, y, ends = 0.0, 0.0, []
    for name, arguments in _SEGMENT.findall(data):
        numbers = [float(number) for number in _NUMBER.findall(arguments)]
        length = _SEGMENT_LENGTHS.get(name.upper(), 0)
        for start in range(0, len(numbers) - length + 1, length) if length else ():
            step = numbers[start : start + length]
            from_x, from_y = (x, y) if name.islower() else (0.0, 0.0)
            x = from_x + step[-2] if length > 1 else from_x + step[0] if name in "hH" else x
            y = from_y + step[-1] if name not in "hH" else y
            ends.append((x, y))
    return ends if all(math.isfinite(number) for end in ends for number in end) else []


def _moved(points: Iterable[tuple[float, float]], matrix: Matrix) -> Polygon:
    """The points where `matrix` moves them; none if one of them is nowhere: beyond what a float can hold."""
    a, b, c, d, e, f = matrix
    moved = [(a * x + c * y + e, b * x + d * y + f) for x, y in points]
    return moved if all(math.isfinite(number) for point in moved for number in point) else []


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _classes(element: Element) -> list[str]:
    """The class attribute's tokens: "Wall " and "Wall External" are walls, "WallCabinet" is not."""
    return element.get("class", "").split()


def _matrix(element: Element) -> Matrix:
    """SVG 1.1, 7.6: the transform attribute, its parts applied from right to left."""
    matrix = _IDENTITY
    for name, arguments in _TRANSFORM.findall(element.get("transform", "")):
        matrix = _compose(matrix, _single(name, [float(number) for number in _NUMBER.findall(arguments)]))
    return matrix


def _single(name: str, numbers: list[float]) -> Matrix:
    if not all(map(math.isfinite, numbers)):
        raise SvgError(f"holds the transform {name}({numbers}), which moves everything out of sight")
    matrix: Matrix
    match name, numbers:
        case "matrix", [a, b, c, d, e, f]:
            matrix = a, b, c, d, e, f
        case "translate", [x, *rest] if len(rest) < 2:
            matrix = 1, 0, 0, 1, x, rest[0] if rest else 0
        case "scale", [x, *rest] if len(rest) < 2:
            matrix = x, 0, 0, rest[0] if rest else x, 0, 0
        case "rotate", [angle]:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            matrix = cos, sin, -sin, cos, 0, 0
        case "rotate", [angle, x, y]:
            matrix = _compose(_compose((1, 0, 0, 1, x, y), _single("rotate", [angle])), (1, 0, 0, 1, -x, -y))
        case "skewX", [angle]:
            matrix = 1, 0, math.tan(math.radians(angle)), 1, 0, 0
        case "skewY", [angle]:
            matrix = 1, math.tan(math.radians(angle)), 0, 1, 0, 0
        case _:
            raise SvgError(f"holds the transform {name}({numbers}), which SVG does not know")
    return matrix


def _compose(outer: Matrix, inner: Matrix) -> Matrix:
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return a * p + c * q, b * p + d * q, a * r + c * s, b * r + d * s, a * t + c * u + e, b * t + d * u + f
