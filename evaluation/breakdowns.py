"""Where a model does well and where badly: F1 by groups of plans, plan by plan, and between models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.detections import Booleans, Truth
from evaluation.figures import Counts, f1_of

PLANS_SHOWN = 12
BOXES_PER_PLAN: Mapping[str, tuple[int, int]] = {
    "0": (0, 0),
    "1-10": (1, 10),
    "11-25": (11, 25),
    "26-50": (26, 50),
    "51-100": (51, 100),
    "over 100": (101, 2**62),
}
"""Least and most true boxes."""


@dataclass(frozen=True, slots=True)
class PlanScore:
    """One model on one plan, all classes together."""

    plan: int
    """Index in Truth.plans."""
    hits: int
    kept: int
    boxes: int
    f1: float


@dataclass(frozen=True, slots=True)
class GroupScore:
    """One model on some plans."""

    plans: int
    boxes: int
    f1: float | None
    """None without boxes."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A plan on which models do differently well."""

    plan: int
    errors: tuple[int, ...]
    """False and missing boxes of each model."""


def scores_by_plan(counts: Counts) -> list[PlanScore]:
    """One for each plan that has boxes or detections."""
    hits, kept, boxes = (part.sum(axis=1) for part in (counts.hits, counts.kept, counts.boxes))
    f1 = f1_of(hits, kept, boxes)
    return [
        PlanScore(plan, int(hits[plan]), int(kept[plan]), int(boxes[plan]), float(f1[plan]))
        for plan in range(len(hits))
        if kept[plan] + boxes[plan]
    ]


def worst_plans(scores: Sequence[PlanScore], count: int = PLANS_SHOWN) -> list[PlanScore]:
    """With the lowest F1; of equal ones, that with the most errors first."""
    return sorted(scores, key=lambda each: (each.f1, 2 * each.hits - each.kept - each.boxes))[:count]


def best_plans(scores: Sequence[PlanScore], count: int = PLANS_SHOWN) -> list[PlanScore]:
    """With the highest F1; of equal ones, that with the most boxes first."""
    return sorted(scores, key=lambda each: (-each.f1, -each.boxes))[:count]


def by_boxes_per_plan(counts: Counts) -> dict[str, GroupScore]:
    """By BOXES_PER_PLAN, where there are such plans."""
    boxes = counts.boxes.sum(axis=1)
    groups: dict[str, GroupScore] = {}
    for name, (least, most) in BOXES_PER_PLAN.items():
        chosen = (boxes >= least) & (boxes <= most)
        if chosen.any():
            groups[name] = _group(counts, chosen)
    return groups


def by_source_folder(counts: Counts, truth: Truth) -> dict[str, GroupScore]:
    """By the folder of their source that plans came from, those with most plans first; empty where all are alike.

    The name is empty for plans whose data set does not tell it.
    """
    folders = [plan.source_folder for plan in truth.plans]
    amounts = Counter(folders)
    if len(amounts) < 2:
        return {}
    names = sorted(amounts, key=lambda name: (-amounts[name], name))
    return {name: _group(counts, np.array([folder == name for folder in folders])) for name in names}


def _group(counts: Counts, chosen: Booleans) -> GroupScore:
    hits, kept, boxes = (int(part[chosen].sum()) for part in (counts.hits, counts.kept, counts.boxes))
    return GroupScore(int(chosen.sum()), boxes, float(f1_of(hits, kept, boxes)) if boxes else None)


def disagreements(models: Sequence[Counts], count: int = PLANS_SHOWN) -> list[Disagreement]:
    """The plans on which the numbers of errors differ most, the largest difference first."""
    errors = np.stack([each.errors() for each in models], axis=1)
    spread = errors.max(axis=1) - errors.min(axis=1)
    order = np.argsort(-spread, kind="stable")[:count]
    return [Disagreement(plan, tuple(errors[plan].tolist())) for plan in order.tolist() if spread[plan]]
