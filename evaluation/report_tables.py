"""The tables of the report: what its template shows of the figures, the differences and the errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evaluation.bootstrap import ALL_CLASSES, FigureKey
from evaluation.breakdowns import BOXES_PER_PLAN, GroupScore
from evaluation.comparison import FIGURES, Comparison, Difference, ModelResult
from evaluation.error_kinds import KINDS
from evaluation.matching import SIZES
from evaluation.rules import COCO, LENIENT, RULE_NAMES
from evaluation.sentences import points

_NAMES = {"f1": "F1", "ap": "AP", "ap50": "AP50", "ap75": "AP75"}


class Cell(NamedTuple):
    """A figure of a table, and what is known about it."""

    text: str
    below: str = ""
    """Its interval, or how many boxes it is about."""
    tone: str = ""
    """CSS class: good, error, or nothing."""


def figure_tables(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """One table for each rule: by class and model, figures with their 95 % intervals."""
    for rule in comparison.rules:
        columns = _columns(rule)
        bounds = _scale(comparison, rule)
        rows = []
        for name in _classes(comparison):
            for number, result in enumerate(comparison.models):
                figures = result.figures_of(rule, name)
                cells = [
                    Cell(_share(getattr(figures, column)), _interval(result, _key(comparison, rule, name, column)))
                    for column in columns
                ]
                rest = [figures.ar, figures.threshold] if rule == COCO else [figures.threshold]
                cells.extend(Cell(_share(value)) for value in rest)
                rows.append(
                    {
                        "class": name or "all classes",
                        "boxes": figures.boxes,
                        "first": number == 0,
                        "number": number,
                        "model": result.name,
                        "strip": _strip(result, _key(comparison, rule, name, "f1"), figures.f1, bounds),
                        "cells": cells,
                    }
                )
        named = [_NAMES.get(column, column) for column in columns]
        yield {
            "rule": RULE_NAMES[rule],
            "columns": [*named, *(["AR"] if rule == COCO else []), "threshold"],
            "rows": rows,
            "low": f"{bounds[0]:.2f}",
            "high": f"{bounds[1]:.2f}",
        }


def difference_tables(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """One table for each two models: by rule and class, the differences of the figures in points."""
    pairs = dict.fromkeys((each.a, each.b) for each in comparison.differences)
    columns = _columns(COCO if COCO in comparison.rules else LENIENT)
    for a, b in pairs:
        mine = {
            (each.rule, each.class_name, each.figure): each
            for each in comparison.differences
            if (each.a, each.b) == (a, b)
        }
        rows = [
            {
                "rule": RULE_NAMES[rule],
                "class": name or "all classes",
                "cells": [_difference(mine.get((rule, name, figure))) for figure in columns],
            }
            for rule in comparison.rules
            for name in _classes(comparison)
        ]
        yield {"a": a, "b": b, "columns": [_NAMES.get(figure, figure) for figure in columns], "rows": rows}


def error_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """By kind: of each model how many errors, what they cost, and the share of the widest bar."""
    most = max((each.errors.costs[kind] for each in comparison.models for kind in KINDS), default=0.0) or 1.0
    return [
        {
            "kind": kind,
            "models": [
                {
                    "count": each.errors.counts[kind],
                    "cost": f"{100 * each.errors.costs[kind]:.1f}",
                    "width": f"{100 * max(0.0, each.errors.costs[kind]) / most:.1f}",
                }
                for each in comparison.models
            ],
        }
        for kind in KINDS
    ]


def confusion_table(comparison: Comparison, result: ModelResult) -> list[dict[str, Any]]:
    """By true class, then background: how many boxes were found as which class; `share` is of the row, from 0 to 1."""
    names = [*comparison.truth.classes, "background"]
    rows = []
    for name, counts in zip(names, result.errors.confusion.tolist(), strict=True):
        total = max(1, sum(counts))
        cells = [{"count": count, "share": f"{count / total:.2f}"} for count in counts]
        rows.append({"name": name, "cells": cells})
    return rows


def size_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """F1 by the boxes' size, of each model."""
    rows = []
    for size in (each for each in SIZES if each != "all"):
        cells = [Cell(_share(result.figures[COCO].sizes[size].f1)) for result in comparison.models]
        boxes = comparison.models[0].figures[COCO].sizes[size].boxes
        rows.append({"name": size, "boxes": boxes, "cells": cells})
    return rows


def plan_size_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """F1 by the number of boxes on a plan, of each model."""
    names = [name for name in BOXES_PER_PLAN if name in comparison.models[0].by_boxes_per_plan]
    return _group_rows(names, [result.by_boxes_per_plan for result in comparison.models])


def folder_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """F1 by the folder of their source that plans came from, of each model; no rows where all are alike."""
    return _group_rows(
        list(comparison.models[0].by_source_folder), [result.by_source_folder for result in comparison.models]
    )


def _group_rows(names: Sequence[str], models: Sequence[Mapping[str, GroupScore]]) -> list[dict[str, Any]]:
    """Of the plans in a group and their boxes all models have the same number."""
    return [
        {
            "name": name,
            "plans": models[0][name].plans,
            "boxes": models[0][name].boxes,
            "cells": [Cell(_share(groups[name].f1)) for groups in models],
        }
        for name in names
    ]


def _columns(rule: str) -> tuple[str, ...]:
    """The figures that a rule has."""
    return FIGURES if rule == COCO else FIGURES[:3]


def _classes(comparison: Comparison) -> tuple[str | None, ...]:
    names = comparison.truth.classes
    return (None, *names) if len(names) > 1 else names


def _key(comparison: Comparison, rule: str, name: str | None, figure: str) -> FigureKey:
    return FigureKey(rule, ALL_CLASSES if name is None else comparison.truth.classes.index(name), figure)


def _difference(each: Difference | None) -> Cell:
    if each is None:
        return Cell("")
    tone = ("good" if each.difference > 0 else "error") if each.is_certain else ""
    low, high = map(points, each.interval)
    return Cell(points(each.difference), f"{low} to {high}", tone)


def _scale(comparison: Comparison, rule: str) -> tuple[float, float]:
    """From where to where the strips go: all F1 with their intervals, to whole tenths."""
    ends = [
        bound
        for each in comparison.models
        for key, where in each.intervals.items()
        if _is_f1(key, rule)
        for bound in where
    ]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    return max(0.0, int(low * 10) / 10), min(1.0, -(-high * 10 // 1) / 10)


def _is_f1(key: FigureKey, rule: str) -> bool:
    return key.rule == rule and key.figure == "f1"


def _strip(
    result: ModelResult, key: FigureKey, value: float | None, bounds: tuple[float, float]
) -> Mapping[str, str] | None:
    """Where an interval starts, how wide it is and where its figure is, in percent of the strip."""
    where = result.intervals.get(key)
    if where is None or value is None:
        return None
    low, high, middle = (100 * (each - bounds[0]) / max(bounds[1] - bounds[0], 1e-9) for each in (*where, value))
    return {"left": f"{low:.1f}", "width": f"{max(high - low, 0.5):.1f}", "value": f"{middle:.1f}"}


def _interval(result: ModelResult, key: FigureKey) -> str:
    found = result.intervals.get(key)
    return f"{found.low:.3f} - {found.high:.3f}" if found else ""


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
