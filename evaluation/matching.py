"""Which detection is which true box: COCO's matching at its ten IoU thresholds, computed once for all figures.

The IoUs are pycocotools'. Its matching loops over all pairs in Python, 23 seconds for 300 detections on each of 421
plans; here the same rule looks only at the pairs that overlap enough, in 1.3. Tests compare the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask

from evaluation.detections import Booleans, Detections, Floats, Integers, Truth, rows_by_plan

IOU_THRESHOLDS: Floats = np.linspace(0.5, 0.95, 10)
SIZES: Mapping[str, tuple[float, float]] = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
"""COCO's ranges of a box's area, in square pixels of the plan."""


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """The n detections of one class, by descending score, with the true boxes of one size that they are matched to.

    T IoU thresholds, P plans.
    """

    scores: Floats
    """(n,)"""
    plan: Integers
    """(n,)"""
    detection: Integers
    """(n,) rows of the Detections."""
    truth: Integers
    """(T, n) rows of the Truth, -1 for none."""
    ignored: Booleans
    """(T, n) whether it counts neither as right nor as wrong: on a crowd, or of another size."""
    boxes: Integers
    """(P,) true boxes to find on each plan."""

    @property
    def hits(self) -> Booleans:
        """(T, n) whether it is right."""
        return (self.truth >= 0) & ~self.ignored


Matches = Mapping[str, Sequence[ClassMatches]]
"""By size, one for each class."""


def match(truth: Truth, detections: Detections, sizes: Mapping[str, tuple[float, float]] = SIZES) -> Matches:
    """Match all detections of all plans, class by class, for each range of sizes."""
    plans = len(truth.plans)
    true_rows, found_rows = rows_by_plan(truth.plan, plans), rows_by_plan(detections.plan, plans)
    parts: dict[str, list[list[_PlanMatches]]] = {size: [[] for _ in truth.classes] for size in sizes}
    areas = truth.boxes[:, 2] * truth.boxes[:, 3]
    for plan in range(plans):
        for label in range(len(truth.classes)):
            wanted = _rows(truth.label, true_rows[plan], label)
            found = _rows(detections.label, found_rows[plan], label)
            found = found[np.argsort(-detections.scores[found], kind="stable")]
            crowd = truth.crowd[wanted]
            ious = box_ious(detections.boxes[found], truth.boxes[wanted], crowd)
            for size, (low, high) in sizes.items():
                ignored = crowd | (areas[wanted] < low) | (areas[wanted] > high)
                matched = greedy_matches(ious, ignored, crowd, IOU_THRESHOLDS)
                parts[size][label].append(_PlanMatches(found, wanted, matched, ignored))
    return {
        size: [_joined(truth, detections, by_plan, sizes[size]) for by_plan in by_class]
        for size, by_class in parts.items()
    }


def box_ious(found: Floats, wanted: Floats, crowd: Booleans) -> Floats:
    """(d, g) IoUs of boxes (d, 4) and (g, 4); with a crowd, the share of the detection that is in it."""
    if not len(found) or not len(wanted):
        return np.zeros((len(found), len(wanted)))
    return np.asarray(mask.iou(found, wanted, crowd.astype(np.uint8).tolist()), dtype=np.float64)


def greedy_matches(ious: Floats, ignored: Booleans, crowd: Booleans, thresholds: Floats) -> Integers:
    """COCO's rule on one plan and class: (T, d) columns of `ious` (d, g) for each threshold and detection, -1 for none.

    The detections are in the order in which they choose. Each takes the box with the highest IoU that is free, one that
    is to be found before one that is `ignored` (g,); a `crowd` (g,) may be taken again. Of equal IoUs the last counts.
    """
    matched = np.full((len(thresholds), len(ious)), -1, dtype=np.int64)
    limits = [min(float(threshold), 1 - 1e-10) for threshold in thresholds]
    order = np.argsort(ignored, kind="stable")
    rows, columns = np.nonzero(ious[:, order] >= limits[0])
    columns = order[columns]
    choices: dict[int, list[tuple[int, float]]] = {}
    for row, column, iou in zip(rows.tolist(), columns.tolist(), ious[rows, columns].tolist(), strict=True):
        choices.setdefault(row, []).append((column, iou))
    is_ignored, is_crowd = ignored.tolist(), crowd.tolist()
    taken: list[set[int]] = [set() for _ in limits]
    for row, candidates in choices.items():
        highest = max(iou for _, iou in candidates)
        for index, limit in enumerate(limits):
            if highest < limit:
                break
            best, best_iou = -1, limit
            for column, iou in candidates:
                if column in taken[index] and not is_crowd[column]:
                    continue
                if best >= 0 and is_ignored[column] and not is_ignored[best]:
                    break
                if iou >= best_iou:
                    best, best_iou = column, iou
            if best >= 0:
                matched[index, row] = best
                taken[index].add(best)
    return matched


@dataclass(frozen=True, slots=True)
class _PlanMatches:
    found: Integers
    wanted: Integers
    matched: Integers
    ignored: Booleans


def _rows(labels: Integers, rows: slice, label: int) -> Integers:
    return np.asarray(rows.start + np.flatnonzero(labels[rows] == label), dtype=np.int64)


def _joined(
    truth: Truth, detections: Detections, parts: Sequence[_PlanMatches], size: tuple[float, float]
) -> ClassMatches:
    found = np.concatenate([np.zeros(0, dtype=np.int64), *(part.found for part in parts)])
    nothing = np.zeros((len(IOU_THRESHOLDS), 0), dtype=np.int64)
    matched = np.concatenate([nothing, *(_true_rows(part) for part in parts)], axis=1)
    on_ignored = np.concatenate([nothing.astype(np.bool_), *(_on_ignored(part) for part in parts)], axis=1)
    boxes = detections.boxes[found]
    areas = boxes[:, 2] * boxes[:, 3]
    other_size = (areas < size[0]) | (areas > size[1])
    ignored = on_ignored | ((matched < 0) & other_size)
    order = np.argsort(-detections.scores[found], kind="stable")
    return ClassMatches(
        detections.scores[found][order],
        detections.plan[found][order],
        found[order],
        matched[:, order],
        ignored[:, order],
        np.array([np.count_nonzero(~part.ignored) for part in parts], dtype=np.int64),
    )


def _true_rows(part: _PlanMatches) -> Integers:
    if not len(part.wanted):
        return part.matched
    return np.where(part.matched >= 0, part.wanted[part.matched], -1)


def _on_ignored(part: _PlanMatches) -> Booleans:
    if not len(part.wanted):
        return np.zeros(part.matched.shape, dtype=np.bool_)
    return (part.matched >= 0) & part.ignored[part.matched]
