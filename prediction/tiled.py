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
    whole, full = predict(plan)
    if not side or max(plan.size) <= side or not (always or _fit(whole, side)):
        return Found(whole, int(full), 0)
    by_tile: list[tuple[Tile, Sequence[Detection]]] = []
    fulls = 0
    for tile in tiles_of(plan.size, side):
        found, full = predict(plan.crop(tile))
        fulls += full
        by_tile.append((tile, [_moved(each, tile) for each in found]))
    return Found(merge(by_tile, whole, plan.size), fulls, len(by_tile))


def _fit(found: Sequence[Detection], side: int) -> bool:
    """Whether half of the objects, if any were found, take half of a tile's side at most."""
    return not found or 2 * median(long_side(each.box) for each in found) <= side


def _moved(detection: Detection, tile: Tile) -> Detection:
    x0, y0, x1, y1 = detection.box
    return replace(detection, box=(x0 + tile.x0, y0 + tile.y0, x1 + tile.x0, y1 + tile.y0))
