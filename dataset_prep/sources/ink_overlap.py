"""Whether there is ink under the walls of an annotation, or the annotation belongs to another image.

Walls are drawn solid, grey, hatched or hollow, dark on light or light on dark; what they share are lines along their
sides. So the walls' sides are looked up among the image's edges, in their place and, for comparison, moved aside: how
many lie on an edge by chance depends on how busy the image is, but an annotation that fits has more in its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from image_reader.decoding import open_image

SIDE = 512
"""Pixels: the longer side to which images are scaled down before they are looked at."""

_STEP = 2.0  # pixels between the points that are looked up on a wall's side
_SHORTEST = 8.0  # pixels; shorter sides, such as the walls' ends, have no direction to speak of
_MOST = 1_000_000  # points: 24 MB, and more than any plan has
_FEWEST = 60  # points; fewer say nothing
_STRONG = 0.995  # quantile of the image's contrasts that counts as that of its lines
_FAINT = 0.15  # of that contrast; what is fainter is the grain of the paper
_GRAIN = 8.0  # grey levels of 255; an image that has no more contrast than that has no lines
_ASIDE = (0.035, 0.055, 0.085)  # of the longer side: more than a wall is thick, and not one a multiple of another
# Drawn plans that fit were seen from 0.12 (walls hardly darker than rooms) to 0.9, a real one at 0.94; its annotation
# on ten other real plans at 0.07 and below.
_FITS = 0.1

Polygon = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class InkOverlap:
    """The shares, from 0 to 1, of the walls' sides that lie on edges in the image."""

    in_place: float
    aside: float
    """On average when all walls are moved a little: what chance gives."""

    @property
    def fits(self) -> bool:
        """True if clearly more of the sides are on edges than chance would have it."""
        return self.in_place - self.aside >= _FITS * (1 - self.aside)


def grey_thumbnail(path: Path, side: int = SIDE) -> Image.Image:
    """The image upright, grey (mode L), and scaled down to at most `side` pixels wide and high.

    Raises ImageError as open_image does.
    """
    grey = open_image(path).convert("L")
    grey.thumbnail((side, side), Image.Resampling.BOX)
    return grey


def ink_overlap(image: Image.Image, walls: Iterable[Polygon], frame: tuple[float, float]) -> InkOverlap | None:
    """How well `walls` lie on the lines of `image`; None if they are too few or too short to tell.

    Args:
        image: mode L, its longer side not above SIDE pixels.
        walls: outlines in units of which `frame` (width, height) covers the image.
    """
    points_N2, upright_N = _sides(walls, image.size, frame)
    if len(points_N2) < _FEWEST:
        return None
    beside_HW, above_HW = _edges(image)

    def on_edges(dx: float, dy: float) -> tuple[int, int]:
        """How many of the points, moved by (dx, dy) pixels, are on an edge, and how many inside the image."""
        columns, rows = np.floor(points_N2 + np.array((dx, dy))).astype(int).T
        inside = (columns >= 0) & (columns < image.width) & (rows >= 0) & (rows < image.height)
        columns, rows = columns[inside], rows[inside]
        on = np.where(upright_N[inside], beside_HW[rows, columns], above_HW[rows, columns])
        return int(on.sum()), len(on)

    # Along both axes at once: a wall that is moved along itself stays on its line.
    steps = [share * max(image.size) for share in _ASIDE]
    moves = zip(steps, steps[1:] + steps[:1], strict=True)
    aside = [on_edges(dx * right, dy * down) for dx, dy in moves for right in (1, -1) for down in (1, -1)]
    # In its place, a side outside of the image is on no edge; moved outside, it says nothing.
    return InkOverlap(
        in_place=on_edges(0, 0)[0] / len(points_N2),
        aside=sum(on for on, _ in aside) / max(1, sum(inside for _, inside in aside)),
    )


def _sides(
    walls: Iterable[Polygon], size: tuple[int, int], frame: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Points (N, 2) in pixels along the walls' sides, and (N,) whether each one's side is rather upright than level."""
    scale = size[0] / frame[0], size[1] / frame[1]
    points: list[NDArray[np.float64]] = [np.empty((0, 2))]
    upright: list[NDArray[np.bool_]] = [np.empty(0, bool)]
    left = _MOST
    for x0, y0, x1, y1 in _long_sides(walls, scale):
        length = math.hypot(x1 - x0, y1 - y0)
        along = np.arange(_STEP / 2, length, _STEP)[:, None] / length
        points.append(np.array((x0, y0)) + along * (x1 - x0, y1 - y0))
        upright.append(np.full(len(along), abs(y1 - y0) > abs(x1 - x0)))
        left -= len(along)
        if left <= 0:
            break
    return np.concatenate(points), np.concatenate(upright)


def _long_sides(walls: Iterable[Polygon], scale: tuple[float, float]) -> Iterator[tuple[float, float, float, float]]:
    """The ends x0, y0, x1, y1 in pixels of the walls' sides that are long enough to have a direction."""
    for wall in walls:
        with np.errstate(over="ignore"):  # far outside is outside: absurd coordinates must not cost memory
            corners = np.clip(np.asarray(wall) * scale, -SIDE, 2 * SIDE).tolist()
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
            if math.hypot(x1 - x0, y1 - y0) >= _SHORTEST:
                yield x0, y0, x1, y1


def _edges(image: Image.Image) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where (H, W) there is an upright edge at most two pixels beside, and where a level one as near above or below."""
    grey_HW = np.asarray(image, dtype=np.float32)
    beside_HW, above_HW = np.zeros_like(grey_HW), np.zeros_like(grey_HW)
    beside_HW[:, 1:-1] = np.abs(grey_HW[:, 2:] - grey_HW[:, :-2])
    above_HW[1:-1] = np.abs(grey_HW[2:] - grey_HW[:-2])
    # Every third pixel each way is enough for a quantile, and most of the time that this function takes.
    contrast = max(float(np.quantile(edges_HW[::3, ::3], _STRONG)) for edges_HW in (beside_HW, above_HW))
    limit = _FAINT * max(contrast, _GRAIN)
    return _widened(beside_HW > limit, axis=1), _widened(above_HW > limit, axis=0)


def _widened(edges_HW: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Annotators miss a line by a pixel or so."""
    ahead, behind = np.roll(edges_HW, 1, axis), np.roll(edges_HW, -1, axis)  # the outermost pixels hold no edge
    return edges_HW | ahead | behind
