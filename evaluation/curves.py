"""Precision over recall, and F1 over confidence, of each class and model, with the operating points marked: as SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from dataset_contract.sanitise import sanitise
from dataset_prep.svg_plots import Plot, figure_svg, plot_figure
from evaluation.comparison import Comparison, ModelResult
from evaluation.detections import Floats
from evaluation.figures import f1_of, ratio
from evaluation.matching import ClassMatches
from evaluation.rules import COCO

MODEL_COLOURS = ("#2b7bba", "#d9731a", "#3a9a5b", "#9467bd", "#c23b75", "#7f7f7f")
_MOST_POINTS = 400


@dataclass(frozen=True, slots=True)
class Curve:
    """One model on one class at IoU 0.5, from the highest confidence to the lowest: k different confidences."""

    confidence: Floats
    """(k,)"""
    precision: Floats
    """(k,) of the detections with that confidence or more, as `recall` and `f1`."""
    recall: Floats
    f1: Floats


def class_curve(found: ClassMatches) -> Curve:
    """The curve of a class. Equal confidences are one point: no threshold divides them."""
    counted = ~found.ignored[0]
    scores, hits = found.scores[counted], found.hits[0][counted]
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True)) if len(scores) else np.zeros(0, dtype=np.int64)
    kept: Floats = np.asarray(last + 1, dtype=np.float64)
    right, boxes = np.cumsum(hits, dtype=np.float64)[last], float(found.boxes.sum())
    return Curve(scores[last], ratio(right, kept), ratio(right, boxes), f1_of(right, kept, boxes))


def colour_of_model(number: int) -> str:
    """The colour of the model that was named as the `number`-th, from 0."""
    return MODEL_COLOURS[number % len(MODEL_COLOURS)]


def draw_curves(comparison: Comparison) -> list[Plot]:
    """Two plots for each class that has boxes to find, in the colours of the models."""
    plots = []
    for label, name in enumerate(comparison.truth.classes):
        if not int(comparison.models[0].matches["all"][label].boxes.sum()):
            continue
        curves = [class_curve(result.matches["all"][label]) for result in comparison.models]
        axes_labels = {"precision over recall": ("recall", "precision"), "F1 over confidence": ("confidence", "F1")}
        chosen: Mapping[str, tuple[Callable[[Curve], Floats], Callable[[Curve], Floats]]] = {
            "precision over recall": (lambda each: each.recall, lambda each: each.precision),
            "F1 over confidence": (lambda each: each.confidence, lambda each: each.f1),
        }
        for title, (across, up) in chosen.items():
            figure, axes = plot_figure()
            points = [_point(result, name, title) for result in comparison.models]
            for number, (curve, point) in enumerate(zip(curves, points, strict=True)):
                _draw(axes, across(curve), up(curve), point, colour_of_model(number))
            axes.set(xlabel=axes_labels[title][0], ylabel=axes_labels[title][1], xlim=(-0.01, 1.02), ylim=(0, 1.03))
            words = _words(comparison.models, points, axes_labels[title])
            plots.append(Plot(f"{sanitise(name)}: {title}", figure_svg(figure, f"{title} {label}"), words))
    return plots


def _point(result: ModelResult, class_name: str, title: str) -> tuple[float, float]:
    """Where the operating point is."""
    figures = result.figures_of(COCO, class_name)
    across, up = (figures.recall, figures.precision) if "recall" in title else (figures.threshold, figures.f1)
    return across or 0.0, up or 0.0


def _draw(axes: Axes, across: Floats, up: Floats, point: tuple[float, float], colour: str) -> None:
    shown = np.unique(np.linspace(0, len(across) - 1, min(_MOST_POINTS, len(across))).astype(np.int64))
    axes.plot(across[shown], up[shown], color=colour, linewidth=1.8)
    axes.plot(*point, marker="o", markersize=8, color=colour, markeredgecolor="white", markeredgewidth=1.5)


def _words(models: Sequence[ModelResult], points: Sequence[tuple[float, float]], names: tuple[str, str]) -> str:
    marked = (
        f"{sanitise(result.name)} {names[0]} {x:.3f}, {names[1]} {y:.3f}"
        for result, (x, y) in zip(models, points, strict=True)
    )
    return f"Marked: {'; '.join(marked)}."
