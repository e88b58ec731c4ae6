"""Each error is of the kind that its example shows, and hits and errors add up to all boxes and all detections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.detections import Detections, Truth
from evaluation.error_kinds import KINDS, Kind, ModelErrors, find_errors
from evaluation.figures import coco_counts, f1_of
from evaluation.matching import match
from tests.evaluation.plans import found, random_split, truth_of

WALL, ROOM = 0, 1
BOX = (0.0, 0.0, 100.0, 100.0)
FAR = (250.0, 250.0, 100.0, 100.0)
ALMOST = (0.0, 0.0, 100.0, 30.0)
"""IoU 0.3 with BOX."""


def errors_of(truth: Truth, detections: Detections, threshold: float = 0.5) -> ModelErrors:
    thresholds = [threshold] * len(truth.classes)
    return find_errors(truth, detections, match(truth, detections)["all"], thresholds)


def kinds(errors: ModelErrors) -> dict[Kind, int]:
    return {kind: count for kind, count in errors.counts.items() if count}


@pytest.mark.parametrize(
    ("detections", "expected", "hits"),
    [
        (found((1, ROOM, 0.9, BOX)), {}, 1),
        (found((1, WALL, 0.9, BOX)), {"class": 1}, 0),
        (found((1, ROOM, 0.9, ALMOST)), {"localisation": 1}, 0),
        (found((1, WALL, 0.9, ALMOST)), {"both": 1, "missed": 1}, 0),
        (found((1, ROOM, 0.9, BOX), (1, ROOM, 0.8, BOX)), {"duplicate": 1}, 1),
        (found((1, ROOM, 0.9, FAR)), {"background": 1, "missed": 1}, 0),
        (found(), {"missed": 1}, 0),
        (found((1, ROOM, 0.4, BOX)), {"missed": 1}, 0),
        (found((1, ROOM, 0.9, BOX), (1, WALL, 0.8, BOX)), {"class": 1}, 1),
        (found((1, WALL, 0.9, BOX), (1, WALL, 0.8, BOX)), {"class": 2}, 0),
        (found((1, ROOM, 0.9, (0.0, 0.0, 100.0, 9.0))), {"background": 1, "missed": 1}, 0),
    ],
)
def test_an_example_of_each_kind(detections: Detections, expected: dict[str, int], hits: int) -> None:
    errors = errors_of(truth_of([(1, ROOM, BOX)]), detections)
    assert (kinds(errors), len(errors.hits)) == (expected, hits)


def test_what_a_kind_costs_is_what_f1_gains_without_it() -> None:
    truth = truth_of([(1, ROOM, BOX), (1, ROOM, FAR), (2, WALL, BOX)], plans=2)
    # a hit, the other room as a wall, and nothing on the second plan: F1 = 2 * 1 / (2 + 3)
    errors = errors_of(truth, found((1, ROOM, 0.9, BOX), (1, WALL, 0.8, FAR)))
    assert kinds(errors) == {"class": 1, "missed": 1}
    assert errors.costs["class"] == pytest.approx(4 / 5 - 2 / 5)
    assert errors.costs["missed"] == pytest.approx(2 / 4 - 2 / 5)
    assert errors.costs["duplicate"] == 0


def test_the_confusion_tells_what_is_taken_for_what() -> None:
    truth = truth_of([(1, ROOM, BOX), (1, ROOM, FAR), (2, WALL, BOX)], plans=2)
    errors = errors_of(truth, found((1, ROOM, 0.9, BOX), (1, WALL, 0.8, FAR), (2, ROOM, 0.8, FAR)))
    assert errors.confusion.tolist() == [[0, 0, 1], [1, 1, 0], [0, 1, 0]]


def test_a_crowd_is_neither_missed_nor_wrong() -> None:
    errors = errors_of(truth_of([(1, ROOM, BOX), (1, WALL, FAR)], crowds=[0]), found((1, ROOM, 0.9, BOX)))
    assert kinds(errors) == {"missed": 1}
    assert errors.confusion.sum() == 1


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.125, 0.5, 0.75]))
def test_hits_and_errors_add_up(seed: int, threshold: float) -> None:
    truth, detections = random_split(seed)
    matches = match(truth, detections)["all"]
    errors = find_errors(truth, detections, matches, [threshold, threshold])
    counts = coco_counts(matches, [threshold, threshold])
    kept, boxes = int(counts.kept.sum()), int(counts.boxes.sum())
    covered = [each.truth for each in errors.false if each.covers]
    assert len(errors.hits) == counts.hits.sum()
    assert len(errors.hits) + len(errors.false) == kept
    assert len(errors.hits) + len(errors.missed) + len(covered) == boxes
    rows = [row for _, row in errors.hits] + covered + list(errors.missed)
    assert len(set(rows)) == boxes
    assert sum(errors.counts[kind] for kind in KINDS if kind != "missed") == len(errors.false)
    assert all(sum(errors.class_counts[kind]) == errors.counts[kind] for kind in KINDS)
    assert errors.confusion.sum(axis=1)[:-1].tolist() == np.bincount(truth.label[~truth.crowd], minlength=2).tolist()
    assert errors.confusion.sum() == kept + boxes - len(errors.hits) - _mistaken(errors)
    before = float(f1_of(len(errors.hits), kept, boxes))
    assert all(-1e-12 <= cost <= 1 - before + 1e-12 for cost in errors.costs.values())


def _mistaken(errors: ModelErrors) -> int:
    return sum(each.kind == "class" and each.covers for each in errors.false)
