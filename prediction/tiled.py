"""Predicts on a plan of any size: whole, or on overlapping tiles if it is much larger than what the model takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from prediction.merging import long_side, merge
from prediction.tiling import Tile, tiles_of

if TYPE_CHECKING:
    from PIL import Image

    from prediction.predictor import Detection

Predict = Callable[["Image.Image"], "tuple[Sequence[Detection], bool]"]
"""The detections on a picture that count, and whether the model could not have found more of them."""
Counts = Callable[["Detection"], bool]
"""Whether a detection counts."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found on a plan."""

    detections: Sequence[Detection]
    """In pixels of the plan, best first."""
    full: int
    """On how many pictures, the plan or its tiles, each of the model's queries found an object: it may have more."""
    tiles: int
    """On how many tiles was predicted; 0 on the plan as a whole."""


def predict_tiled(predict: Predict, plan: Image.Image, side: int, *, always: bool) -> Found:
    """What `predict` finds on `plan`, on tiles of `side` pixels if it is larger than that; 0: never on tiles.

    Unless `always`, a plan whose objects are as large as tiles is taken as a whole. It is then one flat in many pixels,
    of which the tiles would show pieces larger than the model has ever seen.
    """
    return look(predict, plan, side, always=always, counts=lambda _: True).join(lambda _: True)


@dataclass(frozen=True, slots=True)
class View:
    """What was found on one picture, a plan or a tile of it."""

    detections: Sequence[Detection]
    full: bool
    """The model could not have found more of them."""

    def only(self, counts: Counts) -> View:
        """As if only what counts had been found."""
        kept = [each for each in self.detections if counts(each)]
        return View(kept, self.full and len(kept) == len(self.detections))


@dataclass(frozen=True, slots=True)
class Views:
    """What was found on a plan as a whole and on its tiles, all in pixels of the plan and not joined yet."""

    size: tuple[int, int]
    whole: View
    tiles: Sequence[tuple[Tile, View]]

    def join(self, counts: Counts) -> Found:
        """What is found on the plan, as if only what counts had been found on each view."""
        whole = self.whole.only(counts)
        tiles = [(tile, view.only(counts)) for tile, view in self.tiles]
        if not tiles:
            return Found(whole.detections, int(whole.full), 0)
        by_tile = [(tile, view.detections) for tile, view in tiles]
        return Found(merge(by_tile, whole.detections, self.size), sum(view.full for _, view in tiles), len(tiles))


def look(predict: Predict, plan: Image.Image, side: int, *, always: bool, counts: Counts) -> Views:
    """What `predict` finds on the whole plan, and on those tiles that predict_tiled takes where `counts` holds."""
    whole = View(*predict(plan))
    tiles: list[tuple[Tile, View]] = []
    if side and max(plan.size) > side and (always or _fit(whole.only(counts).detections, side)):
        for tile in tiles_of(plan.size, side):
            found, full = predict(plan.crop(tile))
            tiles.append((tile, View([_moved(each, tile) for each in found], full)))
    return Views(plan.size, whole, tiles)


def _fit(found: Sequence[Detection], side: int) -> bool:
    """Whether half of the objects, if any were found, take half of a tile's side at most."""
    return not found or 2 * median(long_side(each.box) for each in found) <= side


def _moved(detection: Detection, tile: Tile) -> Detection:
    x0, y0, x1, y1 = detection.box
    return replace(detection, box=(x0 + tile.x0, y0 + tile.y0, x1 + tile.x0, y1 + tile.y0))
