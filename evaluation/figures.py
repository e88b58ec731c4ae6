"""A model's figures on a split: COCO's average precision and recall; precision, recall and F1 at a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.detections import Floats, Integers
from evaluation.matching import ClassMatches, Matches

RECALLS: Floats = np.linspace(0, 1, 101)
"""Where COCO takes the precision."""
_EPSILON = np.spacing(1)


@dataclass(frozen=True, slots=True)
class Figures:
    """How good the detections of one class are, or of all. None: nothing to find, or the rule has no such figure."""

    ap: float | None
    """Average precision, mean over IoU 0.5 to 0.95."""
    ap50: float | None
    ap75: float | None
    ar: float | None
    """Recall of all detections, mean over the same IoUs."""
    f1: float | None
    """At IoU 0.5 and the threshold, as `precision` and `recall`."""
    precision: float | None
    recall: float | None
    threshold: float | None
    """Confidence from which on a detection counts; None of all classes together where theirs differ."""
    boxes: int
    """True boxes to find."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What F1 is counted from, by plan and class: P plans, C classes."""

    hits: Integers
    """(P, C) detections that are right."""
    kept: Integers
    """(P, C) detections that count: those at the threshold or above, without ignored ones."""
    boxes: Integers
    """(P, C) true boxes to find."""

    def of_class(self, label: int) -> Counts:
        """Those of one class."""
        chosen = slice(label, label + 1)
        return Counts(self.hits[:, chosen], self.kept[:, chosen], self.boxes[:, chosen])

    def errors(self) -> Integers:
        """(P,) false and missing boxes of each plan."""
        return np.asarray((self.kept + self.boxes - 2 * self.hits).sum(axis=1))


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """The figures of a model under one rule."""

    overall: Figures
    """AP is the mean of the classes; F1 counts the boxes of all classes, each at its class's threshold."""
    classes: Mapping[str, Figures]
    sizes: Mapping[str, Figures]
    """Of small, medium and large boxes of all classes; empty under the lenient rule."""
    class_sizes: Mapping[str, Mapping[str, Figures]]
    """The same by class, then size."""


def coco_counts(matches: Sequence[ClassMatches], thresholds: Sequence[float]) -> Counts:
    """Count at IoU 0.5 with a threshold for each class."""
    hits, kept = [], []
    for found, threshold in zip(matches, thresholds, strict=True):
        counted = (found.scores >= threshold) & ~found.ignored[0]
        plans = len(found.boxes)
        kept.append(np.bincount(found.plan[counted], minlength=plans))
        hits.append(np.bincount(found.plan[counted & (found.truth[0] >= 0)], minlength=plans))
    return Counts(np.stack(hits, 1), np.stack(kept, 1), np.stack([found.boxes for found in matches], 1))


def coco_figures(matches: Matches, classes: Sequence[str], thresholds: Sequence[float]) -> RuleFigures:
    """All figures under COCO's matching."""
    tables = {size: [average_precision(found) for found in by_class] for size, by_class in matches.items()}
    by_size = {size: rule_figures(coco_counts(matches[size], thresholds), tables[size], thresholds) for size in matches}
    overall, by_class = by_size.pop("all")
    return RuleFigures(
        overall,
        dict(zip(classes, by_class, strict=True)),
        {size: figures for size, (figures, _) in by_size.items()},
        {name: {size: each[index] for size, (_, each) in by_size.items()} for index, name in enumerate(classes)},
    )


def counted_figures(counts: Counts, classes: Sequence[str], thresholds: Sequence[float]) -> RuleFigures:
    """The figures of a rule that only counts, without average precision."""
    overall, by_class = rule_figures(counts, [None] * len(classes), thresholds)
    return RuleFigures(overall, dict(zip(classes, by_class, strict=True)), {}, {})


def rule_figures(
    counts: Counts, tables: Sequence[Precisions | None], thresholds: Sequence[float]
) -> tuple[Figures, list[Figures]]:
    """Of all classes, and of each."""
    by_class = [
        _figures([table] if table else [], counts.of_class(index), threshold)
        for index, (table, threshold) in enumerate(zip(tables, thresholds, strict=True))
    ]
    shared = thresholds[0] if len(set(thresholds)) == 1 else None
    return _figures([table for table in tables if table is not None], counts, shared), by_class


@dataclass(frozen=True, slots=True)
class Precisions:
    """COCO's table of one class."""

    precision: Floats
    """(T, 101) at RECALLS, for each IoU threshold."""
    recall: Floats
    """(T,) of all detections."""


def average_precision(found: ClassMatches) -> Precisions | None:
    """COCO's table of a class; None if there is no box to find."""
    boxes = int(found.boxes.sum())
    if not boxes:
        return None
    hits = found.hits
    right = np.cumsum(hits, axis=1, dtype=np.float64)
    counted = np.cumsum(~found.ignored, axis=1, dtype=np.float64)
    precision = np.zeros((len(hits), len(RECALLS)))
    if not hits.shape[1]:
        return Precisions(precision, np.zeros(len(hits)))
    highest = np.maximum.accumulate((right / (counted + _EPSILON))[:, ::-1], axis=1)[:, ::-1]
    recall = right / boxes
    for index in range(len(hits)):
        places = np.searchsorted(recall[index], RECALLS, side="left")
        reached = places < recall.shape[1]
        precision[index, reached] = highest[index, places[reached]]
    return Precisions(precision, recall[:, -1])


def f1_of(hits: Floats | float, kept: Floats | float, boxes: Floats | float) -> Floats:
    """F1, 0 where there is nothing to count."""
    return ratio(2 * np.asarray(hits), np.asarray(kept) + boxes)


def ratio(part: Floats | float, whole: Floats | float) -> Floats:
    """`part` / `whole`, 0 where there is no whole."""
    whole = np.asarray(whole, dtype=np.float64)
    return np.asarray(np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0))


def _figures(tables: Sequence[Precisions], counts: Counts, threshold: float | None) -> Figures:
    ap = ap50 = ap75 = ar = None
    if tables:
        precision = np.stack([table.precision for table in tables], 1)
        ap, ap50, ap75 = (float(part.mean()) for part in (precision, precision[0], precision[5]))
        ar = float(np.mean([table.recall for table in tables]))
    hits, kept, boxes = (int(part.sum()) for part in (counts.hits, counts.kept, counts.boxes))
    f1 = precision_at = recall_at = None
    if boxes:
        f1, precision_at, recall_at = float(f1_of(hits, kept, boxes)), float(ratio(hits, kept)), hits / boxes
    return Figures(ap, ap50, ap75, ar, f1, precision_at, recall_at, threshold, boxes)
