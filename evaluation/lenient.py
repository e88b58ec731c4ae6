"""The lenient rule: counting as a script did that many YOLO results on floor plans were published with.

1. Detections with a confidence of 0.3 or more count, after non-maximum suppression within their class at IoU 0.5.
2. Best first, each takes the free true box of its class with the highest IoU, if that is at least 0.5: a hit.
3. Of hits that overlap by more than 0.2 IoU only the best counts. The true boxes of the others are taken away too, so
   that they are not missed.
4. A false box that overlaps a hit of step 3 by more than 0.1, or a better false box that counts by more than 0.2, does
   not count.

Repeats cost nothing, so F1 is some points higher than under COCO's matching. Crowds are ignored as there.
"""

from __future__ import annotations

import numpy as np

from evaluation.detections import Booleans, Detections, Floats, Integers, Truth, rows_by_plan
from evaluation.figures import Counts
from evaluation.matching import box_ious, greedy_matches

CONFIDENCE = 0.3
_SUPPRESSED_FROM = 0.5
_HIT_FROM: Floats = np.array([0.5])
_REPEATED_HIT_ABOVE = 0.2
_BESIDE_HIT_ABOVE = 0.1
_REPEATED_FALSE_ABOVE = 0.2


def lenient_counts(truth: Truth, detections: Detections, confidence: float = CONFIDENCE) -> Counts:
    """Count hits, detections and true boxes of each plan and class under the lenient rule."""
    shape = (len(truth.plans), len(truth.classes))
    hits, kept, boxes = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    detections = detections.take(detections.scores >= confidence)
    true_rows, found_rows = rows_by_plan(truth.plan, shape[0]), rows_by_plan(detections.plan, shape[0])
    for plan, (wanted, found) in enumerate(zip(true_rows, found_rows, strict=True)):
        order = np.argsort(-detections.scores[found], kind="stable")
        labels, guesses = detections.label[found][order], detections.boxes[found][order]
        for label in range(shape[1]):
            mine = truth.label[wanted] == label
            counted = _count(guesses[labels == label], truth.boxes[wanted][mine], truth.crowd[wanted][mine])
            hits[plan, label], kept[plan, label], boxes[plan, label] = counted
    return Counts(hits, kept, boxes)


def _count(found: Floats, wanted: Floats, crowd: Booleans) -> tuple[int, int, int]:
    """(hits, detections, true boxes) that count on one plan, of one class; `found` is best first."""
    found = found[_first_of_overlapping(_ious(found, found), _SUPPRESSED_FROM, inclusive=True)]
    matched: Integers = greedy_matches(box_ious(found, wanted, crowd), crowd, crowd, _HIT_FROM)[0]
    on_crowd = np.array([crowd[column] if column >= 0 else False for column in matched], dtype=np.bool_)
    all_hits, false = found[(matched >= 0) & ~on_crowd], found[matched < 0]
    hits = all_hits[_first_of_overlapping(_ious(all_hits, all_hits), _REPEATED_HIT_ABOVE)]
    false = false[~(_ious(false, hits) > _BESIDE_HIT_ABOVE).any(axis=1)]
    false = false[_first_of_overlapping(_ious(false, false), _REPEATED_FALSE_ABOVE)]
    boxes = int(np.count_nonzero(~crowd)) - (len(all_hits) - len(hits))
    return len(hits), len(hits) + len(false), boxes


def _ious(one: Floats, other: Floats) -> Floats:
    return box_ious(one, other, np.zeros(len(other), dtype=np.bool_))


def _first_of_overlapping(ious: Floats, limit: float, *, inclusive: bool = False) -> Booleans:
    """Which of the k boxes of `ious` (k, k) remain if each that does takes away those after it that overlap it."""
    overlaps = ious >= limit if inclusive else ious > limit
    remains = np.ones(len(ious), dtype=np.bool_)
    for index in range(len(ious)):
        if remains[index]:
            remains[index + 1 :] &= ~overlaps[index, index + 1 :]
    return remains
