"""The lenient rule, step by step: repeats cost nothing."""

from __future__ import annotations

from evaluation.detections import Detections, Truth
from evaluation.lenient import lenient_counts
from tests.evaluation.plans import found, truth_of

ROOM = 1
BOX = (0.0, 0.0, 100.0, 100.0)
FAR = (250.0, 250.0, 100.0, 100.0)


def count(truth: Truth, detections: Detections) -> tuple[int, int, int]:
    counts = lenient_counts(truth, detections)
    return int(counts.hits.sum()), int(counts.kept.sum()), int(counts.boxes.sum())


def test_what_scores_less_than_three_tenths_does_not_count() -> None:
    truth = truth_of([(1, ROOM, BOX)])
    assert count(truth, found((1, ROOM, 0.3, BOX))) == (1, 1, 1)
    assert count(truth, found((1, ROOM, 0.299, BOX))) == (0, 0, 1)


def test_a_repeat_of_a_hit_does_not_count() -> None:
    repeat = (0.0, 0.0, 100.0, 45.0)  # IoU 0.45: not suppressed, no hit
    assert count(truth_of([(1, ROOM, BOX)]), found((1, ROOM, 0.9, BOX), (1, ROOM, 0.8, repeat))) == (1, 1, 1)
    shifted = (0.0, 95.0, 100.0, 100.0)  # IoU with the hit 0.026
    assert count(truth_of([(1, ROOM, BOX)]), found((1, ROOM, 0.9, BOX), (1, ROOM, 0.8, shifted))) == (1, 2, 1)


def test_of_hits_that_overlap_one_counts_and_the_others_boxes_are_not_missed() -> None:
    other = (0.0, 60.0, 100.0, 100.0)  # IoU with BOX 0.25
    truth = truth_of([(1, ROOM, BOX), (1, ROOM, other), (1, ROOM, FAR)])
    assert count(truth, found((1, ROOM, 0.9, BOX), (1, ROOM, 0.8, other))) == (1, 1, 2)


def test_of_false_boxes_that_overlap_one_counts() -> None:
    truth = truth_of([(1, ROOM, BOX)])
    near = (250.0, 300.0, 100.0, 100.0)  # IoU with FAR 1/3
    assert count(truth, found((1, ROOM, 0.9, FAR), (1, ROOM, 0.8, near))) == (0, 1, 1)


def test_non_maximum_suppression_is_within_a_class() -> None:
    truth = truth_of([(1, ROOM, BOX), (1, 0, BOX)])
    both = found((1, ROOM, 0.9, BOX), (1, 0, 0.8, BOX), (1, ROOM, 0.7, (0.0, 0.0, 100.0, 99.0)))
    assert count(truth, both) == (2, 2, 2)


def test_a_crowd_is_neither_to_find_nor_wrong_to_find() -> None:
    truth = truth_of([(1, ROOM, BOX), (1, ROOM, FAR)], crowds=[1])
    assert count(truth, found((1, ROOM, 0.9, BOX), (1, ROOM, 0.8, FAR))) == (1, 1, 1)


def test_plans_do_not_mix() -> None:
    truth = truth_of([(1, ROOM, BOX), (2, ROOM, BOX)], plans=3)
    detections = found((2, ROOM, 0.9, BOX), (3, ROOM, 0.8, BOX), (1, ROOM, 0.7, BOX))
    counts = lenient_counts(truth, detections)
    assert counts.hits[:, ROOM].tolist() == [1, 1, 0]
    assert counts.kept[:, ROOM].tolist() == [1, 1, 1]
