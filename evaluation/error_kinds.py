"""Where a model errs: each false box and each box that is not found, by the kind of error, and what each kind costs.

The six kinds are TIDE's (Bolya et al. 2020), counted on COCO's matches at IoU 0.5 and the model's thresholds. A false
box is of the first kind that holds:

duplicate     IoU of 0.5 or more with a box of its class, which another detection has taken
class         IoU of 0.5 or more with a box of another class
localisation  IoU of 0.1 or more with a box of its class
both          IoU of 0.1 or more with a box of another class
background    none of these
missed        of a true box: nothing is matched to it, and no class or localisation error is about it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.detections import Booleans, Detections, Floats, Integers, Truth, rows_by_plan
from evaluation.figures import f1_of
from evaluation.matching import ClassMatches, box_ious

Kind = Literal["class", "localisation", "both", "duplicate", "background", "missed"]
KINDS: tuple[Kind, ...] = ("class", "localisation", "both", "duplicate", "background", "missed")
_RIGHT_PLACE = 0.5
BACKGROUND_BELOW = 0.1
"""IoU with each true box."""


@dataclass(frozen=True, slots=True)
class FalseBox:
    """A detection that is wrong."""

    kind: Kind
    detection: int
    """Row of the Detections."""
    truth: int | None
    """Row of the true box that it is about; None of the background."""
    iou: float
    """With that box; 0 without one."""
    covers: bool
    """Whether correcting it would find that box: nothing else is matched to it, and no better error is about it."""


@dataclass(frozen=True, slots=True)
class ModelErrors:
    """The hits and errors of one model; m true boxes without crowds, k detections that count, C classes.

    m = hits + missed + boxes that errors cover; k = hits + false boxes.
    """

    hits: tuple[tuple[int, int], ...]
    """(detection, truth) rows."""
    false: tuple[FalseBox, ...]
    """By plan, then the best first."""
    missed: tuple[int, ...]
    """Rows of the Truth."""
    counts: Mapping[Kind, int]
    class_counts: Mapping[Kind, tuple[int, ...]]
    """The same by class: the detection's, or of a missed box its own."""
    costs: Mapping[Kind, float]
    """What F1 would gain if there were no errors of the kind and all others stayed, from 0 to 1."""
    confusion: Integers
    """(C + 1, C + 1) boxes by true class (rows) and found class (columns); last come background and nothing."""


def find_errors(
    truth: Truth, detections: Detections, matches: Sequence[ClassMatches], thresholds: Sequence[float]
) -> ModelErrors:
    """The errors of the detections at the thresholds, by `matches` of boxes of all sizes."""
    matched = np.full(len(detections), -1, dtype=np.int64)
    kept = np.zeros(len(detections), dtype=np.bool_)
    for found, threshold in zip(matches, thresholds, strict=True):
        counted = (found.scores >= threshold) & ~found.ignored[0]
        kept[found.detection[counted]] = True
        matched[found.detection[counted]] = found.truth[0][counted]
    hits = np.flatnonzero(kept & (matched >= 0))
    is_found = np.zeros(len(truth.plan), dtype=np.bool_)
    is_found[matched[hits]] = True
    false = tuple(_false_boxes(truth, detections, kept & (matched < 0), is_found))
    covered = np.zeros_like(is_found)
    covered[[each.truth for each in false if each.covers and each.truth is not None]] = True
    missed = np.flatnonzero(~is_found & ~covered & ~truth.crowd)
    labels = {kind: [int(detections.label[each.detection]) for each in false if each.kind == kind] for kind in KINDS}
    labels["missed"] = truth.label[missed].tolist()
    return ModelErrors(
        tuple((int(row), int(matched[row])) for row in hits),
        false,
        tuple(missed.tolist()),
        {kind: len(each) for kind, each in labels.items()},
        {kind: tuple(each.count(label) for label in range(len(truth.classes))) for kind, each in labels.items()},
        _costs(hits=len(hits), kept=int(kept.sum()), boxes=int((~truth.crowd).sum()), false=false, missed=len(missed)),
        _confusion(truth, detections, hits, false),
    )


def _false_boxes(truth: Truth, detections: Detections, false: Booleans, is_found: Booleans) -> Iterator[FalseBox]:
    taken = is_found.copy()
    plans = len(truth.plans)
    true_rows, found_rows = rows_by_plan(truth.plan, plans), rows_by_plan(detections.plan, plans)
    for wanted_rows, guessed_rows in zip(true_rows, found_rows, strict=True):
        wanted = wanted_rows.start + np.flatnonzero(~truth.crowd[wanted_rows])
        guesses = guessed_rows.start + np.flatnonzero(false[guessed_rows])
        guesses = guesses[np.argsort(-detections.scores[guesses], kind="stable")]
        ious = box_ious(detections.boxes[guesses], truth.boxes[wanted], truth.crowd[wanted])
        same = detections.label[guesses][:, None] == truth.label[wanted][None, :]
        own, other = _highest(np.where(same, ious, -1.0)), _highest(np.where(same, -1.0, ious))
        for index, row in enumerate(guesses.tolist()):
            kind, column, iou = _kind(own[index], other[index])
            about = int(wanted[column]) if column is not None else None
            covers = kind in ("class", "localisation") and about is not None and not taken[about]
            if covers:
                taken[about] = True
            yield FalseBox(kind, row, about, iou, covers)


def _highest(ious: Floats) -> list[tuple[int, float]]:
    """Of each row the column with the highest IoU, and that; (-1, -1) without columns."""
    if not ious.shape[1]:
        return [(-1, -1.0)] * len(ious)
    columns = ious.argmax(axis=1)
    return list(zip(columns.tolist(), ious[np.arange(len(ious)), columns].tolist(), strict=True))


def _kind(own: tuple[int, float], other: tuple[int, float]) -> tuple[Kind, int | None, float]:
    """The kind of a false box, the column of the true box that it is about, and their IoU."""
    kinds: tuple[tuple[Kind, tuple[int, float], float], ...] = (
        ("duplicate", own, _RIGHT_PLACE),
        ("class", other, _RIGHT_PLACE),
        ("localisation", own, BACKGROUND_BELOW),
        ("both", other, BACKGROUND_BELOW),
    )
    for kind, (column, iou), limit in kinds:
        if iou >= limit:
            return kind, column, iou
    return "background", None, 0.0


def _costs(*, hits: int, kept: int, boxes: int, false: Sequence[FalseBox], missed: int) -> dict[Kind, float]:
    """Corrected, an error that covers a box becomes a hit; all other false boxes go; missed boxes are not asked for."""
    before = float(f1_of(hits, kept, boxes))
    costs: dict[Kind, float] = {}
    for kind in KINDS:
        corrected = sum(each.covers for each in false if each.kind == kind)
        removed = sum(not each.covers for each in false if each.kind == kind)
        unasked = missed if kind == "missed" else 0
        costs[kind] = float(f1_of(hits + corrected, kept - removed, boxes - unasked)) - before
    return costs


def _confusion(truth: Truth, detections: Detections, hits: Integers, false: Sequence[FalseBox]) -> Integers:
    classes = len(truth.classes)
    table = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    np.add.at(table, (detections.label[hits], detections.label[hits]), 1)
    for each in false:
        mistaken = each.kind == "class" and each.covers
        row = int(truth.label[each.truth]) if mistaken and each.truth is not None else classes
        table[row, detections.label[each.detection]] += 1
    boxes = np.bincount(truth.label[~truth.crowd], minlength=classes)
    table[:classes, classes] = boxes - table[:classes, :classes].sum(axis=1)
    return table
