"""Evaluates models on one split and compares them, two at a time: everything that reports and messages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from evaluation.bootstrap import (
    ALL_CLASSES,
    FEWEST_PLANS,
    RESAMPLES,
    FigureKey,
    Interval,
    Resampled,
    Samples,
    bootstrap,
    interval,
    plans_needed,
)
from evaluation.breakdowns import (
    Disagreement,
    GroupScore,
    PlanScore,
    best_plans,
    by_boxes_per_plan,
    by_source_folder,
    disagreements,
    scores_by_plan,
    worst_plans,
)
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import Detections, ModelDetections, Truth
from evaluation.error_kinds import ModelErrors, find_errors
from evaluation.figures import Counts, Figures, RuleFigures, coco_counts, coco_figures, counted_figures
from evaluation.lenient import CONFIDENCE, lenient_counts
from evaluation.matching import Matches, match
from evaluation.operating_point import OperatingPoint, choose_point
from evaluation.rules import COCO, LENIENT, RULES

FIGURES = ("f1", "precision", "recall", "ap", "ap50", "ap75")
"""Those with an interval; the lenient rule has the first three."""


@dataclass(frozen=True, slots=True)
class ModelResult:
    """One model on the split."""

    model: ModelDetections
    detections: Detections
    """On the split, of the classes that are compared."""
    matches: Matches
    point: OperatingPoint
    counts: Mapping[str, Counts]
    """By rule."""
    figures: Mapping[str, RuleFigures]
    """By rule."""
    intervals: Mapping[FigureKey, Interval]
    errors: ModelErrors
    by_boxes_per_plan: Mapping[str, GroupScore]
    by_source_folder: Mapping[str, GroupScore]
    best: Sequence[PlanScore]
    worst: Sequence[PlanScore]

    @property
    def name(self) -> str:
        """As the person calls it."""
        return self.model.name

    def figures_of(self, rule: str, class_name: str | None) -> Figures:
        """Of one class, or of all."""
        figures = self.figures[rule]
        return figures.overall if class_name is None else figures.classes[class_name]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of one model minus that of another, on the same plans."""

    a: str
    b: str
    rule: str
    class_name: str | None
    """None: all classes together."""
    figure: str
    a_value: float
    b_value: float
    interval: Interval
    """95 % certain."""
    plans: int
    """On which they are compared."""
    plans_needed: int | None
    """How many plans would show such a difference; None where there is none, or where these plans show it."""

    @property
    def difference(self) -> float:
        """a's value minus b's."""
        return self.a_value - self.b_value

    @property
    def is_certain(self) -> bool:
        """Whether the plans show it: they are enough, and 0 is outside of the interval."""
        return _shows(self.interval, self.plans)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that came out."""

    dataset: EvaluatedDataset
    split: str
    truth: Truth
    rules: tuple[str, ...]
    models: tuple[ModelResult, ...]
    differences: tuple[Difference, ...]
    disagreements: Sequence[Disagreement]
    """By COCO's matching; empty with one model."""
    remarks: tuple[str, ...] = ()
    """Sentences that a reader must know besides."""


def compare(
    dataset: EvaluatedDataset,
    split: str,
    models: Sequence[ModelDetections],
    *,
    classes: Sequence[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    rules: Sequence[str] = RULES,
    resamples: int = RESAMPLES,
    remarks: Sequence[str] = (),
) -> Comparison:
    """Evaluate the models on the plans of `split`.

    Args:
        classes: names of those that count; all without.
        thresholds: by model, the confidence that a person chose for COCO's matching; the best F1's without.
    """
    truth = dataset.truth(split, tuple(classes) if classes is not None else None)
    models = [model.of_classes(dataset.truth(split).classes, truth.classes) for model in models]
    parts = [_measure(model, dataset, split, truth, (thresholds or {}).get(model.name)) for model in models]
    resampled = [Resampled(counts, matches["all"]) for _, matches, _, counts in parts]
    samples = bootstrap(resampled, len(truth.plans), resamples=resamples)
    results = tuple(_result(truth, model, part, each) for model, part, each in zip(models, parts, samples, strict=True))
    pairs = combinations(zip(results, samples, strict=True), 2)
    return Comparison(
        dataset,
        split,
        truth,
        tuple(rules),
        results,
        tuple(each for one, other in pairs for each in _differences(truth, rules, one, other)),
        disagreements([each.counts[COCO] for each in results]),
        tuple(remarks),
    )


_Measured = tuple[Detections, Matches, OperatingPoint, Mapping[str, Counts]]


def _measure(
    model: ModelDetections, dataset: EvaluatedDataset, split: str, truth: Truth, threshold: float | None
) -> _Measured:
    detections = model.splits[split]
    matches = match(truth, detections)
    point = choose_point(model, matches["all"], dataset, split, truth.classes, given=threshold)
    counts = {COCO: coco_counts(matches["all"], point.thresholds), LENIENT: lenient_counts(truth, detections)}
    return detections, matches, point, counts


def _result(truth: Truth, model: ModelDetections, measured: _Measured, samples: Samples) -> ModelResult:
    detections, matches, point, counts = measured
    lenient = counted_figures(counts[LENIENT], truth.classes, [CONFIDENCE] * len(truth.classes))
    known = {key: interval(values) for key, values in samples.items()}
    scores = scores_by_plan(counts[COCO])
    return ModelResult(
        model,
        detections,
        matches,
        point,
        counts,
        {COCO: coco_figures(matches, truth.classes, point.thresholds), LENIENT: lenient},
        {key: value for key, value in known.items() if value is not None},
        find_errors(truth, detections, matches["all"], point.thresholds),
        by_boxes_per_plan(counts[COCO]),
        by_source_folder(counts[COCO], truth),
        best_plans(scores),
        worst_plans(scores),
    )


def _differences(
    truth: Truth, rules: Sequence[str], one: tuple[ModelResult, Samples], other: tuple[ModelResult, Samples]
) -> list[Difference]:
    (a, a_samples), (b, b_samples) = one, other
    found: list[Difference] = []
    for rule in rules:
        for label in (ALL_CLASSES, *range(len(truth.classes))):
            class_name = None if label is ALL_CLASSES else truth.classes[label]
            for figure in FIGURES:
                key = FigureKey(rule, label, figure)
                values = [getattr(each.figures_of(rule, class_name), figure) for each in (a, b)]
                if key not in a_samples or None in values:
                    continue
                samples = a_samples[key] - b_samples[key]
                where = interval(samples)
                if where is None:
                    continue
                plans = len(truth.plans)
                needed = None if _shows(where, plans) else plans_needed(samples, values[0] - values[1], plans)
                found.append(
                    Difference(a.name, b.name, rule, class_name, figure, values[0], values[1], where, plans, needed)
                )
    return found


def _shows(where: Interval, plans: int) -> bool:
    return plans >= FEWEST_PLANS and (where.low > 0 or where.high < 0)
