"""Reads CubiCasa5K's model.svg: the outlines of walls, rooms and railings, in the SVG's own units."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
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
_OUTLINED = ("Wall", "Space", "Railing", "Column")


class SvgError(ValueError):
    """The file is not a model.svg; the message ends the sentence "model.svg ..."."""


@dataclass(frozen=True)
class Space:
    """A room: its type as CubiCasa5K writes it after `Space`, such as "Closet WalkIn", and its outline."""

    kind: str
    outline: Polygon


@dataclass
class Model:
    """The annotated outlines of all floors."""

    walls: list[Polygon] = field(default_factory=list)
    spaces: list[Space] = field(default_factory=list)
    railings: list[Polygon] = field(default_factory=list)
    without_outline: int = 0
    """Walls, rooms and railings that have no usable polygon."""


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
            model.without_outline += kind != "Column"
        elif kind == "Wall":
            model.walls.append(outline)
        elif kind == "Railing":
            model.railings.append(outline)
        elif kind == "Space":
            classes = _classes(element)
            model.spaces.append(Space(" ".join(classes[classes.index("Space") + 1 :]), outline))
    return model


def _outlined(root: Element) -> Iterator[tuple[Element, str, Matrix]]:
    """Walls, spaces, railings and columns in the file's order, each with the transform that holds for its children.

    What is inside of them (doors and windows inside walls, labels inside spaces) is not descended into. A stack
    instead of recursion: a malicious file may nest as deeply as it likes.
    """
    stack: list[tuple[Element, Matrix]] = [(root, _IDENTITY)]
    while stack:
        element, outer = stack.pop()
        matrix = _compose(outer, _matrix(element))
        classes = _classes(element)
        if "FloorsCompose" in classes:  # only <use> references to the floors
            continue
        kind = next((kind for kind in _OUTLINED if kind in classes), None)
        if kind is not None:
            yield element, kind, matrix
        else:
            stack.extend((child, matrix) for child in reversed(element))


def _outline(element: Element, matrix: Matrix) -> Polygon | None:
    """The first direct child polygon, which is the outline; later ones belong to doors, windows and marks."""
    polygon = next((child for child in element if _name(child) == "polygon"), None)
    if polygon is None:
        return None
    # Numbers, not pairs: both "x,y x,y " and "-5,5,0,0,5,5" occur.
    numbers = [float(number) for number in _NUMBER.findall(polygon.get("points", ""))]
    if len(numbers) < 6 or len(numbers) % 2 or not all(map(math.isfinite, numbers)):
        return None
    a, b, c, d, e, f = _compose(matrix, _matrix(polygon))
    return [(a * x + c * y + e, b * x + d * y + f) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


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
