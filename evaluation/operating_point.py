"""From which confidence on a model's detections count: one threshold for each class, and how it was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evaluation.dataset import EvaluatedDataset
from evaluation.detections import VALIDATION, ModelDetections
from evaluation.matching import SIZES, ClassMatches, match
from evaluation.metrics import best_f1

Origin = Literal["given", "validation", "model", "split"]
"""By the person; with the best F1 on the validation split; the model's own, which its training chose there; with the
best F1 on the evaluated split itself, for want of results on another."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """The thresholds."""

    thresholds: tuple[float, ...]
    """One for each class."""
    origin: Origin


def choose_point(
    model: ModelDetections,
    matches: Sequence[ClassMatches],
    dataset: EvaluatedDataset,
    split: str,
    classes: tuple[str, ...],
    *,
    given: float | None,
) -> OperatingPoint:
    """The operating point of a model on `split`, whose `matches` of boxes of all sizes are given.

    The model's labels are indices of `classes`. `given` is the person's threshold for all of them, None for the best.
    """
    if given is not None:
        return OperatingPoint((given,) * len(classes), "given")
    if split != VALIDATION and VALIDATION in model.splits:
        truth = dataset.truth(VALIDATION, classes)
        on_validation = match(truth, model.splits[VALIDATION], {"all": SIZES["all"]})["all"]
        return OperatingPoint(best_thresholds(on_validation), "validation")
    if model.thresholds:
        return OperatingPoint(_own(model.thresholds, classes), "model")
    return OperatingPoint(best_thresholds(matches), "split")


def best_thresholds(matches: Sequence[ClassMatches]) -> tuple[float, ...]:
    """With the best F1 of each class; of a class without a box, with that of all."""
    parts = [(each.scores[~each.ignored[0]], each.hits[0][~each.ignored[0]], int(each.boxes.sum())) for each in matches]
    scores, hits = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
    overall = best_f1(scores, hits, sum(part[2] for part in parts))
    return tuple(best_f1(*part).threshold if part[2] and part[1].any() else overall.threshold for part in parts)


def _own(thresholds: Mapping[str, float], names: Sequence[str]) -> tuple[float, ...]:
    """Those of the model; a class that it does not know has no detections, and any threshold."""
    return tuple(thresholds.get(name, max(thresholds.values())) for name in names)
