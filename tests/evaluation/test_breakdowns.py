"""Plans by how well a model does on them, and where models disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.breakdowns import (
    best_plans,
    by_boxes_per_plan,
    by_source_folder,
    disagreements,
    scores_by_plan,
    worst_plans,
)
from evaluation.detections import Truth
from evaluation.figures import Counts
from tests.evaluation.plans import truth_of


def counts(*plans: tuple[int, int, int]) -> Counts:
    """(hits, kept, boxes) of each plan, of one class."""
    return Counts(*(np.array(part, dtype=np.int64)[:, None] for part in zip(*plans, strict=True)))


MODEL = counts((5, 5, 5), (20, 20, 20), (0, 0, 0), (1, 9, 9), (0, 2, 0), (0, 0, 3))


def test_the_worst_plans_come_with_their_errors() -> None:
    scores = scores_by_plan(MODEL)
    assert [each.plan for each in worst_plans(scores)] == [5, 4, 3, 0, 1]
    assert [each.plan for each in best_plans(scores, 2)] == [1, 0]
    assert worst_plans(scores, 3)[2].f1 == pytest.approx(1 / 9)


def test_f1_by_the_number_of_boxes_on_a_plan() -> None:
    groups = by_boxes_per_plan(MODEL)
    assert {name: (each.plans, each.boxes) for name, each in groups.items()} == {
        "0": (2, 0),
        "1-10": (3, 17),
        "11-25": (1, 20),
    }
    assert groups["0"].f1 is None
    assert groups["1-10"].f1 == pytest.approx(2 * 6 / (14 + 17))


def plans_from(*folders: str) -> Truth:
    truth = truth_of([], plans=len(folders))
    plans = (replace(plan, source_folder=folder) for plan, folder in zip(truth.plans, folders, strict=True))
    return replace(truth, plans=tuple(plans))


def test_f1_by_the_folder_of_the_source() -> None:
    groups = by_source_folder(MODEL, plans_from("a", "b", "a", "b", "", "b"))
    assert {name: (each.plans, each.boxes) for name, each in groups.items()} == {"b": (3, 32), "a": (2, 5), "": (1, 0)}
    assert list(groups) == ["b", "a", ""], "those with most plans first"
    assert groups["a"].f1 == 1
    assert groups["b"].f1 == pytest.approx(2 * 21 / (29 + 32))
    assert groups[""].f1 is None


def test_one_folder_is_no_breakdown() -> None:
    assert by_source_folder(MODEL, plans_from(*6 * ["a"])) == by_source_folder(MODEL, plans_from(*6 * [""])) == {}


def test_models_disagree_where_their_errors_differ_most() -> None:
    other = counts((5, 5, 5), (18, 20, 20), (0, 0, 0), (9, 9, 9), (0, 2, 0), (3, 3, 3))
    found = disagreements([MODEL, other])
    assert [(each.plan, each.errors) for each in found] == [(3, (16, 0)), (1, (0, 4)), (5, (3, 0))]
