"""The result as JSON, documented in docs/evaluation.md: metrics.json, and what --json prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.bootstrap import ALL_CLASSES, RESAMPLES, FigureKey
from evaluation.breakdowns import GroupScore, PlanScore
from evaluation.comparison import FIGURES, Comparison, ModelResult
from evaluation.detections import Truth
from evaluation.figures import Figures
from evaluation.sentences import difference_sentences, notes

FORMAT = "floorplan-dino-evaluation/1"
_DIGITS = 5


def metrics_json(comparison: Comparison) -> dict[str, Any]:
    """The content of metrics.json: JSON values only."""
    truth = comparison.truth
    return {
        "format": FORMAT,
        "split": comparison.split,
        "plans": len(truth.plans),
        "classes": list(truth.classes),
        "resamples": RESAMPLES,
        "models": {result.name: _model(comparison, result) for result in comparison.models},
        "differences": differences_json(comparison),
        "sentences": difference_sentences(comparison),
        "notes": notes(comparison),
        "disagreements": [
            {
                "image_id": truth.plans[each.plan].id,
                "errors": {result.name: count for result, count in zip(comparison.models, each.errors, strict=True)},
            }
            for each in comparison.disagreements
        ],
    }


def differences_json(comparison: Comparison) -> list[dict[str, Any]]:
    """Each difference, in the order of the comparison's."""
    return [
        {
            "a": each.a,
            "b": each.b,
            "rule": each.rule,
            "class": each.class_name,
            "figure": each.figure,
            "a_value": _rounded(each.a_value),
            "b_value": _rounded(each.b_value),
            "difference": _rounded(each.difference),
            "low": _rounded(each.interval.low),
            "high": _rounded(each.interval.high),
            "plans_needed": each.plans_needed,
        }
        for each in comparison.differences
    ]


def _model(comparison: Comparison, result: ModelResult) -> dict[str, Any]:
    truth, errors = comparison.truth, result.errors
    return {rule: _rule(truth, result, rule) for rule in comparison.rules} | {
        "threshold_from": result.point.origin,
        "errors": {
            kind: {
                "count": count,
                "f1_cost": _rounded(errors.costs[kind]),
                "classes": dict(zip(truth.classes, errors.class_counts[kind], strict=True)),
            }
            for kind, count in errors.counts.items()
        },
        "confusion": {"classes": [*truth.classes, None], "boxes": errors.confusion.tolist()},
        "by_boxes_per_plan": _groups(result.by_boxes_per_plan),
        "by_source_folder": _groups(result.by_source_folder),
        "best_plans": _plans(truth, result.best),
        "worst_plans": _plans(truth, result.worst),
    }


def _rule(truth: Truth, result: ModelResult, rule: str) -> dict[str, Any]:
    """F of docs/evaluation.md."""
    figures = result.figures[rule]
    classes = {
        name: _figures(figures.classes[name])
        | {"intervals": _intervals(result, rule, label)}
        | _sizes(figures.class_sizes.get(name, {}))
        for label, name in enumerate(truth.classes)
    }
    overall = _figures(figures.overall) | {"intervals": _intervals(result, rule, ALL_CLASSES)}
    return overall | _sizes(figures.sizes) | {"classes": classes}


def _figures(figures: Figures) -> dict[str, Any]:
    names = ("ap", "ap50", "ap75", "ar", "f1", "precision", "recall")
    # The threshold as it is: rounded up, it would leave out the detection whose confidence it is.
    rest = {"threshold": figures.threshold, "boxes": figures.boxes}
    return {name: _rounded(getattr(figures, name)) for name in names} | rest


def _sizes(sizes: Mapping[str, Figures]) -> dict[str, Any]:
    return {"sizes": {size: _figures(each) for size, each in sizes.items()}} if sizes else {}


def _intervals(result: ModelResult, rule: str, label: int | None) -> dict[str, list[float | None]]:
    keys = {figure: FigureKey(rule, label, figure) for figure in FIGURES}
    return {
        figure: [_rounded(bound) for bound in result.intervals[key]]
        for figure, key in keys.items()
        if key in result.intervals
    }


def _groups(groups: Mapping[str, GroupScore]) -> dict[str, Any]:
    return {name: {"plans": each.plans, "boxes": each.boxes, "f1": _rounded(each.f1)} for name, each in groups.items()}


def _plans(truth: Truth, scores: Sequence[PlanScore]) -> list[dict[str, Any]]:
    return [
        {
            "image_id": truth.plans[each.plan].id,
            "f1": _rounded(each.f1),
            "hits": each.hits,
            "false": each.kept - each.hits,
            "missed": each.boxes - each.hits,
        }
        for each in scores
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
