"""Labels to look at: what a certain model contradicts, and nothing else, ranked."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from dataset_contract.coco import CocoDataset
from evaluation.comparison import Comparison, compare
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import Detections, ModelDetections
from evaluation.labels import Contradiction, SuspectLabel, certainties, find_suspect_labels
from evaluation.labels_csv import COLUMNS, labels_csv
from evaluation.matching import SIZES, match
from evaluation.results.plan_index import PlanIndex
from tests.docs.page_lines import ROOT, spans
from tests.evaluation.plans import dataset_of, found, truth_of

WALL, ROOM = 0, 1
RIGHT = [(1, WALL, (10.0 * index, 300.0, 8.0, 60.0)) for index in range(20)]
"""Walls that everybody finds, which make the model certain."""
LABELLED = [
    (1, WALL, (10.0, 10.0, 100.0, 8.0)),  # found as a room
    (1, WALL, (200.0, 10.0, 100.0, 8.0)),  # found elsewhere
    (1, WALL, (10.0, 60.0, 100.0, 8.0)),  # found right, and elsewhere
    (1, ROOM, (10.0, 100.0, 100.0, 80.0)),  # not found
    *[(1, ROOM, (200.0, 100.0 + 18 * index, 60.0, 16.0)) for index in range(10)],
]
RIGHTLY_FOUND = [(plan, label, 0.9, box) for plan, label, box in (*RIGHT, *LABELLED[4:])]
MODEL = [
    (1, ROOM, 0.88, LABELLED[0][2]),
    (1, WALL, 0.85, (250.0, 10.0, 100.0, 8.0)),
    (1, WALL, 0.9, LABELLED[2][2]),
    (1, WALL, 0.84, (60.0, 60.0, 100.0, 8.0)),
    (1, WALL, 0.89, (300.0, 200.0, 80.0, 8.0)),  # labelled nowhere
    (1, WALL, 0.86, (301.0, 200.0, 80.0, 8.0)),  # the same once more
]


def comparison_of(
    *models: Detections, split: str = "test", further: str | None = None, classes: tuple[str, ...] | None = None
) -> Comparison:
    """Of models on one plan with the boxes LABELLED; `further` is a split with the same plan and detections."""
    data: CocoDataset = dataset_of([*LABELLED, *RIGHT])
    splits = {split: data} | ({further: data} if further else {})
    named = [
        ModelDetections(name, dict.fromkeys(splits, each), {"wall": 0.2, "room": 0.2}, (), ())
        for name, each in zip("ab", models, strict=False)
    ]
    dataset = EvaluatedDataset(Path("nowhere"), splits, PlanIndex("nowhere", {}, {}))
    return compare(dataset, split, named, classes=classes, resamples=10)


def short(label: SuspectLabel) -> tuple[str, int | None, str, float]:
    return label.contradiction, label.truth, label.found_class, label.score


def test_each_contradiction_is_named_and_the_most_certain_comes_first() -> None:
    labels, truths = find_suspect_labels(comparison_of(found(*MODEL, *RIGHTLY_FOUND)))
    assert [short(each) for each in labels] == [
        ("missing", None, "wall", 0.89),
        ("wrong class", 0, "room", 0.88),
        ("shifted", 1, "wall", 0.85),
    ]
    # Of 21 walls that are right, all have 0.9; of 10 rooms too.
    assert [each.certainty for each in labels] == pytest.approx([21 / 22, 10 / 11, 21 / 24])
    rows = list(csv.DictReader(io.StringIO(labels_csv(labels, truths))))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["annotation_id"], row["annotation_class"]) for row in rows] == [
        ("", ""),
        ("100", "wall"),
        ("101", "wall"),
    ]
    assert (rows[1]["class"], rows[1]["split"], rows[1]["image_id"], rows[1]["models"]) == ("room", "test", "1", "a")
    assert [float(rows[2][name]) for name in ("annotation_x", "x", "y", "width", "height")] == [200, 250, 10, 100, 8]


def test_a_model_that_is_often_wrong_contradicts_nothing() -> None:
    wrong = [(1, label, 0.95, (10.0 * index, 370.0, 4.0, 4.0)) for index in range(30) for label in (WALL, ROOM)]
    assert find_suspect_labels(comparison_of(found(*MODEL, *RIGHTLY_FOUND, *wrong)))[0] == []


def test_what_is_below_the_threshold_contradicts_nothing() -> None:
    unsure = [(plan, label, 0.1, box) for plan, label, _, box in MODEL]
    assert find_suspect_labels(comparison_of(found(*unsure, *RIGHTLY_FOUND)))[0] == []


def test_models_that_say_the_same_are_one_entry() -> None:
    both = found(*MODEL, *RIGHTLY_FOUND)
    other = found(*MODEL[:1], *RIGHTLY_FOUND)
    labels, _ = find_suspect_labels(comparison_of(both, other))
    assert [(each.contradiction, each.models) for each in labels if each.contradiction == "wrong class"] == [
        ("wrong class", ("a", "b"))
    ]


def test_where_a_class_that_is_left_out_is_labelled_nothing_is_missing() -> None:
    nowhere = (1, ROOM, 0.88, (300.0, 200.0, 80.0, 8.0))
    model = found(*MODEL, nowhere, *RIGHTLY_FOUND)
    labels, _ = find_suspect_labels(comparison_of(model, further="train", classes=("room",)))
    assert [(each.split, *short(each)) for each in labels] == [
        ("test", "missing", None, "room", 0.88),
        ("train", "missing", None, "room", 0.88),
    ]
    assert labels[0].found == nowhere[3]


def test_all_splits_with_detections_are_looked_at() -> None:
    labels, truths = find_suspect_labels(comparison_of(found(*MODEL, *RIGHTLY_FOUND), further="train"))
    assert list(truths) == ["test", "train"]
    by_split = [[short(each) for each in labels if each.split == split] for split in truths]
    assert by_split[0] == by_split[1] != []


def test_certainty_is_the_best_precision_at_a_confidence_or_a_lower_one() -> None:
    truth = truth_of([(1, WALL, (10.0, 10.0, 20.0, 20.0)), (1, WALL, (100.0, 10.0, 20.0, 20.0))])
    guesses = found(
        (1, WALL, 0.9, (300.0, 300.0, 20.0, 20.0)),
        (1, WALL, 0.8, (10.0, 10.0, 20.0, 20.0)),
        (1, WALL, 0.7, (100.0, 10.0, 20.0, 20.0)),
        (1, WALL, 0.6, (200.0, 200.0, 20.0, 20.0)),
    )
    matches = match(truth, guesses, {"all": SIZES["all"]})["all"]
    np.testing.assert_allclose(certainties(matches[WALL]), [2 / 3, 2 / 3, 2 / 3, 0.5])
    assert not len(certainties(matches[ROOM]))


def test_the_page_explains_each_column_and_each_contradiction() -> None:
    told = set(spans(ROOT / "docs" / "evaluation.md"))
    assert {*COLUMNS, *get_args(Contradiction)} <= told
