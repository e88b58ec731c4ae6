"""The result as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from dataset_contract.sanitise import sanitise
from evaluation.bootstrap import ALL_CLASSES, FigureKey
from evaluation.comparison import Comparison, ModelResult
from evaluation.error_kinds import KINDS
from evaluation.figures import Figures
from evaluation.rules import COCO, RULE_NAMES
from evaluation.sentences import difference_sentences, notes


def table_lines(comparison: Comparison) -> Iterator[str]:
    """Figures by rule, model and class; where each model errs; which is better; what to know about it."""
    truth = comparison.truth
    yield f"{comparison.split}: {len(truth.plans):,} plans, {int((~truth.crowd).sum()):,} boxes"
    widest = max(5, *(len(sanitise(result.name)) for result in comparison.models))
    classes = (None, *truth.classes) if len(truth.classes) > 1 else truth.classes
    wide = max(5, *(len(sanitise(name or "all")) for name in classes))
    for rule in comparison.rules:
        has_ap = rule == COCO
        yield ""
        yield f"By {RULE_NAMES[rule]}:"
        averages = f"{'AP':>7}{'AP50':>7}{'AP75':>7}{'AR':>7}" if has_ap else ""
        yield (
            f"  {'model':<{widest}}  {'class':<{wide}}{averages}{'F1':>8}  {'95 %':<13}{'precision':>10}{'recall':>8}"
            f"{'threshold':>11}"
        )
        for result in comparison.models:
            for name in classes:
                label = ALL_CLASSES if name is None else truth.classes.index(name)
                figures = result.figures_of(rule, name)
                yield (
                    f"  {sanitise(result.name):<{widest}}  {sanitise(name or 'all'):<{wide}}"
                    f"{_averages(figures) if has_ap else ''}{_shown(figures.f1):>8}  "
                    f"{_interval(result, FigureKey(rule, label, 'f1')):<13}{_shown(figures.precision):>10}"
                    f"{_shown(figures.recall):>8}{_shown(figures.threshold):>11}"
                )
    if COCO in comparison.rules:
        yield ""
        yield "Errors by COCO's matching, and the points of F1 that each kind costs:"
        yield f"  {'model':<{widest}}" + "".join(f"{kind:>16}" for kind in KINDS)
        for result in comparison.models:
            counts, costs = result.errors.counts, result.errors.costs
            cells = (f"{counts[kind]:,} ({100 * costs[kind]:.1f})" for kind in KINDS)
            yield f"  {sanitise(result.name):<{widest}}" + "".join(f"{cell:>16}" for cell in cells)
    for lines in (difference_sentences(comparison), notes(comparison)):
        if lines:
            yield ""
            yield from lines


def _averages(figures: Figures) -> str:
    return "".join(f"{_shown(value):>7}" for value in (figures.ap, figures.ap50, figures.ap75, figures.ar))


def _interval(result: ModelResult, key: FigureKey) -> str:
    found = result.intervals.get(key)
    return f"{found.low:.3f}-{found.high:.3f}" if found else ""


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
