"""The figures are pycocotools' own and those of a plain count, on splits with ties, crowds, empty plans and repeats."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.detections import Detections, Truth
from evaluation.figures import coco_counts, coco_figures
from evaluation.matching import SIZES, match
from tests.evaluation.plans import found, random_split, truth_of

SEEDS = st.integers(0, 2**32 - 1)
LEFT, RIGHT = (0.0, 0.0, 10.0, 100.0), (200.0, 0.0, 10.0, 100.0)


def by_pycocotools(truth: Truth, detections: Detections) -> COCOeval:
    """COCO's own evaluation of the same boxes, with all detections of a plan."""
    images: list[dict[str, Any]] = [{"id": plan.id} for plan in truth.plans]
    categories = [{"id": index + 1, "name": name} for index, name in enumerate(truth.classes)]

    def coco(annotations: list[dict[str, Any]]) -> COCO:
        made = COCO()
        made.dataset = {"images": images, "categories": categories, "annotations": annotations}
        made.createIndex()
        return made

    def boxes(source: Truth | Detections, **further: Any) -> list[dict[str, Any]]:
        return [
            {
                "id": row + 1,
                "image_id": truth.plans[source.plan[row]].id,
                "category_id": int(source.label[row]) + 1,
                "bbox": source.boxes[row].tolist(),
                "area": float(source.boxes[row, 2] * source.boxes[row, 3]),
                "iscrowd": 0,
            }
            | {key: value[row] for key, value in further.items()}
            for row in range(len(source.plan))
        ]

    with contextlib.redirect_stdout(io.StringIO()):
        wanted = coco(boxes(truth, iscrowd=truth.crowd.astype(int).tolist()))
        result = COCOeval(wanted, coco(boxes(detections, score=detections.scores.tolist())), "bbox")
        result.params.maxDets = [10_000]
        result.evaluate()
        result.accumulate()
    return result


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_the_figures_are_those_of_pycocotools(seed: int) -> None:
    truth, detections = random_split(seed)
    result = by_pycocotools(truth, detections)
    figures = coco_figures(match(truth, detections), truth.classes, [0.5, 0.25])
    for size, by_class in {"all": figures.classes, **_by_size(figures.class_sizes)}.items():
        area = list(SIZES).index(size)
        for label, name in enumerate(truth.classes):
            precision, recall = result.eval["precision"][:, :, label, area, 0], result.eval["recall"][:, label, area, 0]
            expected = [precision.mean(), precision[0].mean(), precision[5].mean(), recall.mean()]
            given = by_class[name]
            if (precision == -1).all():
                assert (given.ap, given.ar, given.boxes) == (None, None, 0)
            else:
                assert [given.ap, given.ap50, given.ap75, given.ar] == pytest.approx(expected, abs=1e-12)
    tables = result.eval["precision"][:, :, :, 0, 0]
    if (tables > -1).any():
        assert figures.overall.ap == pytest.approx(tables[tables > -1].mean(), abs=1e-12)


def _by_size(class_sizes: Any) -> dict[str, dict[str, Any]]:
    sizes = [size for size in SIZES if size != "all"]
    return {size: {name: each[size] for name, each in class_sizes.items()} for size in sizes}


@settings(max_examples=80, deadline=None)
@given(SEEDS)
def test_each_detection_has_the_match_that_pycocotools_gives_it(seed: int) -> None:
    truth, detections = random_split(seed)
    result, matches = by_pycocotools(truth, detections), match(truth, detections)
    plans = len(truth.plans)
    for area, size in enumerate(SIZES):
        for label, found_matches in enumerate(matches[size]):
            ours = {
                int(row): (found_matches.truth[:, place].tolist(), found_matches.ignored[:, place].tolist())
                for place, row in enumerate(found_matches.detection)
            }
            theirs = {}
            for item in result.evalImgs[(label * len(SIZES) + area) * plans : (label * len(SIZES) + area + 1) * plans]:
                for place, number in enumerate(item["dtIds"] if item else ()):
                    matched = (item["dtMatches"][:, place].astype(int) - 1).tolist()
                    theirs[number - 1] = (matched, item["dtIgnore"][:, place].astype(bool).tolist())
            assert ours == theirs


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.sampled_from([0.125, 0.5, 0.875]))
def test_f1_is_that_of_a_plain_count(seed: int, threshold: float) -> None:
    truth, detections = random_split(seed)
    counts = coco_counts(match(truth, detections)["all"], [threshold, threshold])
    for plan in range(len(truth.plans)):
        for label in range(len(truth.classes)):
            expected = plain_count(truth, detections, plan, label, threshold)
            assert (counts.hits[plan, label], counts.kept[plan, label], counts.boxes[plan, label]) == expected


def plain_count(truth: Truth, detections: Detections, plan: int, label: int, threshold: float) -> tuple[int, int, int]:
    """Hits, detections and boxes that count, by a loop that shares nothing with the code but the rule's words."""
    wanted = [
        (truth.boxes[row].tolist(), bool(truth.crowd[row]))
        for row in range(len(truth.plan))
        if truth.plan[row] == plan and truth.label[row] == label
    ]
    guesses = [
        (float(detections.scores[row]), detections.boxes[row].tolist())
        for row in range(len(detections))
        if detections.plan[row] == plan and detections.label[row] == label and detections.scores[row] >= threshold
    ]
    free = [box for box, crowd in wanted if not crowd]
    crowds = [box for box, crowd in wanted if crowd]
    hits = kept = 0
    for _, guess in sorted(guesses, key=lambda each: -each[0]):
        overlaps = [_iou(guess, box) for box in free]
        if overlaps and max(overlaps) >= 0.5:
            last = max(index for index, value in enumerate(overlaps) if value == max(overlaps))
            free.pop(last)
            hits, kept = hits + 1, kept + 1
        elif not any(_overlap(guess, box) / (guess[2] * guess[3]) >= 0.5 for box in crowds):
            kept += 1
    return hits, kept, sum(not crowd for _, crowd in wanted)


def _overlap(one: list[float], other: list[float]) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _iou(one: list[float], other: list[float]) -> float:
    overlap = _overlap(one, other)
    return overlap / (one[2] * one[3] + other[2] * other[3] - overlap)


def test_all_classes_count_each_at_its_own_threshold() -> None:
    truth = truth_of([(1, 0, LEFT), (1, 1, RIGHT)])
    detections = found((1, 0, 0.4, LEFT), (1, 1, 0.4, RIGHT))
    figures = coco_figures(match(truth, detections), truth.classes, [0.3, 0.5])
    assert (figures.overall.recall, figures.overall.precision, figures.overall.threshold) == (0.5, 1, None)
    assert [figures.classes[name].f1 for name in truth.classes] == [1, 0]


def test_a_class_without_a_box_has_no_figures() -> None:
    truth = truth_of([(1, 0, LEFT)])
    figures = coco_figures(match(truth, found((1, 1, 0.9, RIGHT))), truth.classes, [0.5, 0.5])
    assert (figures.classes["room"].ap, figures.classes["room"].f1, figures.classes["room"].boxes) == (None, None, 0)
    assert figures.overall.precision == 0  # a room where there is none is still wrong


def test_nothing_found_is_not_an_error() -> None:
    truth = truth_of([(1, 0, LEFT)])
    figures = coco_figures(match(truth, found()), truth.classes, [0.5, 0.5])
    assert (figures.overall.ap, figures.overall.f1, figures.overall.recall) == (0, 0, 0)
    assert np.isclose(figures.classes["wall"].ar or 0, 0)
