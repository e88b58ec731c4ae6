"""The pictures of the report: plans with hits, false boxes and misses, and labels to look at, inside URIs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from dataset_prep.preview import data_uri
from drawing.errors import StyledBox, draw_errors, draw_part
from evaluation.comparison import Comparison, ModelResult
from evaluation.detections import Floats, Truth
from evaluation.labels import SuspectLabel
from image_reader.decoding import open_image
from image_reader.header import ImageError

_SIDE = 640
_PART_SIDE = 420
_QUALITY = 78


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """A plan with what one model did on it."""

    uri: str
    hits: int
    false: int
    missed: int
    """True boxes that nothing is matched to."""


def draw_plan(comparison: Comparison, result: ModelResult, plan: int) -> PlanPicture:
    """Draw the evaluated split's `plan`, by COCO's matching at the model's thresholds."""
    truth, found, errors = comparison.truth, result.detections, result.errors
    hits = [(row, true) for row, true in errors.hits if found.plan[row] == plan]
    false = [each.detection for each in errors.false if found.plan[each.detection] == plan]
    matched = {true for _, true in hits}
    mine = np.flatnonzero((truth.plan == plan) & ~truth.crowd).tolist()
    missed = [row for row in mine if row not in matched]
    boxes = [
        *(StyledBox("truth", _box(truth.boxes[row])) for row in mine if row in matched),
        *(StyledBox("hit", _box(found.boxes[row])) for row, _ in hits),
        *(StyledBox("missed", _box(truth.boxes[row])) for row in missed),
        *(StyledBox("false", _box(found.boxes[row])) for row in false),
    ]
    image = _open(comparison.dataset.root, comparison.split, truth, plan)
    uri = data_uri(draw_errors(image, boxes, _SIDE), "webp", quality=_QUALITY)
    return PlanPicture(uri, len(hits), len(false), len(missed))


def draw_label(comparison: Comparison, truth: Truth, label: SuspectLabel) -> str:
    """The part of the plan around a label to look at: true boxes dashed, the one that is meant and the found one thick.

    Returns a data URI.
    """
    others = [row for row in np.flatnonzero(truth.plan == label.plan).tolist() if row != label.truth]
    about = [StyledBox("false", label.found)]
    if label.truth is not None:
        about.append(StyledBox("missed", _box(truth.boxes[label.truth])))
    boxes = [*(StyledBox("truth", _box(truth.boxes[row])) for row in others), *about]
    image = _open(comparison.dataset.root, label.split, truth, label.plan)
    return data_uri(draw_part(image, boxes, about, _PART_SIDE), "webp", quality=_QUALITY)


def _box(box: Floats) -> tuple[float, float, float, float]:
    x, y, width, height = box.tolist()
    return x, y, width, height


def _open(root: Path, split: str, truth: Truth, plan: int) -> Image.Image:
    """The plan's picture; white where it cannot be read, so that its boxes can be seen."""
    meant = truth.plans[plan]
    try:
        image = open_image(root / split / meant.file_name)
    except (ImageError, OSError):
        return Image.new("L", (meant.width, meant.height), 255)
    return image
