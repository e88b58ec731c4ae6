"""How certain the figures are: a paired bootstrap over plans.

A resample draws as many plans as there are, with replacement; a figure's 95 % interval is from the 2.5th to the 97.5th
percentile of its values over all resamples (Efron's percentile method). All models are measured on the same resamples,
so that what makes a plan easy for both does not blur their difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evaluation.detections import Floats
from evaluation.figures import RECALLS, Counts, f1_of, ratio
from evaluation.matching import ClassMatches

RESAMPLES = 10_000
AP_RESAMPLES = 1_000
"""Average precision takes a pass over all detections for each."""
FEWEST_PLANS = 6
"""With which a difference can be shown: of two equally good models, one is better on each of 5 plans more often than 1
time in 20."""
SEED = 1
_CHUNK = 4_000_000
"""Numbers that are held at once."""
_EPSILON = np.spacing(1)

ALL_CLASSES = None
"""In a key: all classes together."""


class Interval(NamedTuple):
    """Where a figure is with 95 % certainty."""

    low: float
    high: float


class FigureKey(NamedTuple):
    """Which figure."""

    rule: str
    label: int | None
    """Class, or ALL_CLASSES."""
    figure: str


Samples = Mapping[FigureKey, Floats]
"""The values of each figure of a model: f1, precision, recall in RESAMPLES resamples, ap, ap50, ap75 in the first
AP_RESAMPLES of them. NaN where a resample has no box to find."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """What is counted again in each resample, of one model."""

    counts: Mapping[str, Counts]
    """By rule."""
    matches: Sequence[ClassMatches]
    """Of boxes of all sizes, for average precision."""


def bootstrap(
    models: Sequence[Resampled], plans: int, *, resamples: int = RESAMPLES, ap_resamples: int = AP_RESAMPLES
) -> list[Samples]:
    """The figures of each model in the same resamples."""
    parts: list[list[dict[FigureKey, Floats]]] = [[] for _ in models]
    left = ap_resamples
    for weights in _weights(plans, resamples):
        for model, samples in zip(models, parts, strict=True):
            found = {key: values for rule, counts in model.counts.items() for key, values in _f1(rule, counts, weights)}
            samples.append(found | _average_precisions(model.matches, weights[:left]))
        left = max(0, left - len(weights))
    return [
        {key: np.concatenate([each[key] for each in chunks if key in each]) for key in chunks[0]} for chunks in parts
    ]


def interval(samples: Floats) -> Interval | None:
    """The 95 % interval; None if no resample has the figure."""
    known = samples[~np.isnan(samples)]
    if not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(float(low), float(high))


def plans_needed(samples: Floats, difference: float, plans: int) -> int | None:
    """How many plans would show this difference in four of five comparisons; None where there is none.

    At 95 % certainty and 80 % power, with the differences' standard error falling as the root of the number of plans.
    """
    error = float(np.nanstd(samples))
    if not error or abs(difference) < 1e-4:  # a hundredth of a point
        return None
    return max(plans + 1, FEWEST_PLANS, round(plans * ((1.96 + 0.84) * error / difference) ** 2))


def _weights(plans: int, resamples: int) -> Iterator[Floats]:
    """(b, P) how often each resample has each plan, in chunks."""
    rng = np.random.default_rng(SEED)
    size = max(1, _CHUNK // plans)
    while resamples:
        chunk = min(size, resamples)
        yield rng.multinomial(plans, np.full(plans, 1 / plans), size=chunk).astype(np.float64)
        resamples -= chunk


def _f1(rule: str, counts: Counts, weights: Floats) -> Iterator[tuple[FigureKey, Floats]]:
    hits, kept, boxes = (weights @ part for part in (counts.hits, counts.kept, counts.boxes))
    for label in (ALL_CLASSES, *range(hits.shape[1])):
        each = [part.sum(axis=1) if label is ALL_CLASSES else part[:, label] for part in (hits, kept, boxes)]
        nothing = each[2] == 0
        figures = {"f1": f1_of(*each), "precision": ratio(each[0], each[1]), "recall": ratio(each[0], each[2])}
        for name, values in figures.items():
            yield FigureKey(rule, label, name), np.where(nothing, np.nan, values)


def _average_precisions(matches: Sequence[ClassMatches], weights: Floats) -> dict[FigureKey, Floats]:
    """AP, AP50 and AP75 in each resample, of each class and as their mean."""
    if not len(weights):
        return {}
    tables = np.stack([_class_precision(found, weights) for found in matches])
    known = ~np.isnan(tables)
    summed = np.where(known, tables, 0).sum(axis=0)
    mean = np.divide(summed, known.sum(axis=0), out=np.full_like(summed, np.nan), where=known.any(axis=0))
    keys = [(ALL_CLASSES, mean), *enumerate(tables)]
    return {
        FigureKey("coco", label, name): values
        for label, table in keys
        for name, values in (("ap", table.mean(axis=1)), ("ap50", table[:, 0]), ("ap75", table[:, 5]))
    }


def _class_precision(found: ClassMatches, weights: Floats) -> Floats:
    """(b, T) average precision of one class at each IoU threshold; only hits raise it, so only they are looked at."""
    hits, counted = found.hits, ~found.ignored
    places = [np.flatnonzero(row) for row in hits]
    never_ignored = bool(counted.all())
    boxes = weights @ found.boxes
    table = np.full((len(weights), len(hits)), np.nan)
    for row, weight in enumerate(weights):
        if not boxes[row]:
            continue
        by_detection = weight[found.plan]
        guesses = np.cumsum(by_detection)
        for index, hit in enumerate(places):
            if not never_ignored:
                guesses = np.cumsum(by_detection * counted[index])
            right = np.cumsum(by_detection[hit])
            precision = np.maximum.accumulate((right / (guesses[hit] + _EPSILON))[::-1])[::-1]
            reached = np.searchsorted(right / boxes[row], RECALLS, side="left")
            table[row, index] = precision[reached[reached < len(hit)]].sum() / len(RECALLS)
    return table
