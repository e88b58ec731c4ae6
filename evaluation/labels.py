"""Labels to look at: true boxes that a model contradicts where it is nearly always right.

A model's certainty of a detection is its precision from that confidence on: the share of right ones among the
detections of the class that are as confident or more. So the scores of different models, and of classes, compare. Of
the detections that count with a certainty of 0.8 or more, the false ones tell:

missing      a background error: the data set has nothing there, not of a class that is not compared either
wrong class  a class error: the data set has that box as another class, and the model finds no such box there
shifted      a localisation error: the data set has a box of the class there that overlaps too little
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evaluation.comparison import Comparison, ModelResult
from evaluation.detections import Booleans, Detections, Floats, Truth
from evaluation.error_kinds import BACKGROUND_BELOW, FalseBox, Kind, find_errors
from evaluation.matching import SIZES, ClassMatches, box_ious, match

CERTAIN_FROM = 0.8
Contradiction = Literal["missing", "wrong class", "shifted"]
_CONTRADICTIONS: Mapping[Kind, Contradiction] = {
    "background": "missing",
    "class": "wrong class",
    "localisation": "shifted",
}
_SAME_FROM = 0.5
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class SuspectLabel:
    """A true box that may be wrong, or be missing."""

    contradiction: Contradiction
    split: str
    plan: int
    """Index in the split's Truth.plans."""
    found: _Box
    """x, y, width, height in pixels of the plan, as the model has it."""
    found_class: str
    score: float
    """The model's confidence."""
    truth: int | None
    """Row of the split's Truth; None where a box is missing."""
    certainty: float = 0.0
    """Of the model that is most certain."""
    models: tuple[str, ...] = ()
    """Those that contradict, the most certain first."""


def find_suspect_labels(comparison: Comparison) -> tuple[list[SuspectLabel], dict[str, Truth]]:
    """Those of all splits that models have detections on, the most certain first, and the true boxes of these splits.

    Several models that say the same are one entry; of equally certain ones, that of most models comes first.
    """
    truths = {comparison.split: comparison.truth}
    found: list[SuspectLabel] = []
    for result in comparison.models:
        for split in result.model.splits:
            if split not in truths:
                truths[split] = comparison.dataset.truth(split, comparison.truth.classes)
            suspects = _of_model(result, split, comparison.split, truths[split])
            left_out = comparison.dataset.truth(split, _classes_left_out(comparison))
            found.extend(each for each in suspects if each.truth is not None or not _is_labelled(each, left_out))
    return _merged(found), truths


def certainties(found: ClassMatches) -> Floats:
    """(n,) of each detection of a class, by descending score: the highest precision at its confidence or a lower one.

    What is ignored has that of its neighbours.
    """
    counted = np.cumsum(~found.ignored[0])
    precision = np.cumsum(found.hits[0]) / np.maximum(counted, 1)
    return np.asarray(np.maximum.accumulate(precision[::-1])[::-1], dtype=np.float64)


def _of_model(result: ModelResult, split: str, evaluated: str, truth: Truth) -> Iterator[SuspectLabel]:
    if split == evaluated:
        detections, matches, errors = result.detections, result.matches["all"], result.errors
    else:
        detections = result.model.splits[split]
        matches = match(truth, detections, {"all": SIZES["all"]})["all"]
        errors = find_errors(truth, detections, matches, result.point.thresholds)
    certainty = np.zeros(len(detections))
    for each in matches:
        certainty[each.detection] = certainties(each)
    for error in errors.false:
        meant = error.kind == "background" or (error.kind in _CONTRADICTIONS and error.covers)
        if meant and certainty[error.detection] >= CERTAIN_FROM:
            suspect = _suspect(split, truth, detections, error)
            yield replace(suspect, certainty=float(certainty[error.detection]), models=(result.name,))


def _suspect(split: str, truth: Truth, detections: Detections, error: FalseBox) -> SuspectLabel:
    row = error.detection
    x, y, width, height = detections.boxes[row].tolist()
    return SuspectLabel(
        _CONTRADICTIONS[error.kind],
        split,
        int(detections.plan[row]),
        (x, y, width, height),
        truth.classes[detections.label[row]],
        float(detections.scores[row]),
        error.truth,
    )


def _classes_left_out(comparison: Comparison) -> tuple[str, ...]:
    every = comparison.dataset.truth(comparison.split).classes
    return tuple(name for name in every if name not in comparison.truth.classes)


def _is_labelled(suspect: SuspectLabel, truth: Truth) -> bool:
    """Whether there is a true box in whose place it is, of whatever class."""
    boxes = truth.boxes[truth.plan == suspect.plan]
    ious = box_ious(np.array([suspect.found]), boxes, np.zeros(len(boxes), dtype=np.bool_))
    return bool((ious >= BACKGROUND_BELOW).any())


def _merged(found: Sequence[SuspectLabel]) -> list[SuspectLabel]:
    """One entry for what is said several times: of the same true box, or of the same place where one is missing."""
    groups: dict[tuple[object, ...], list[SuspectLabel]] = {}
    for each in sorted(found, key=lambda each: (-each.certainty, -each.score)):
        same = groups.setdefault((each.contradiction, each.split, each.plan, each.truth, each.found_class), [])
        for index, other in enumerate(same):
            if each.truth is not None or _iou(each.found, other.found) >= _SAME_FROM:
                same[index] = replace(other, models=tuple(dict.fromkeys((*other.models, *each.models))))
                break
        else:
            same.append(each)
    merged = [each for group in groups.values() for each in group]
    return sorted(merged, key=lambda each: (-each.certainty, -len(each.models), -each.score, each.split, each.plan))


def _iou(one: _Box, other: _Box) -> float:
    no_crowd: Booleans = np.zeros(1, dtype=np.bool_)
    return float(box_ious(np.array([one]), np.array([other]), no_crowd)[0, 0])
