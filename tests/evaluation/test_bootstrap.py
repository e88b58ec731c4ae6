"""The bootstrap's intervals hold the truth as often as they say, and its figures are those of the resampled plans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.bootstrap import ALL_CLASSES, FigureKey, Resampled, bootstrap, interval, plans_needed
from evaluation.detections import Detections, Truth
from evaluation.figures import Counts, coco_counts, coco_figures
from evaluation.matching import match
from tests.evaluation.plans import random_split

F1 = FigureKey("coco", ALL_CLASSES, "f1")


def counted(hits: np.ndarray, kept: np.ndarray, boxes: np.ndarray) -> Resampled:
    """A model of one class of which only counts are known."""
    columns = [np.asarray(part, dtype=np.int64)[:, None] for part in (hits, kept, boxes)]
    return Resampled({"coco": Counts(*columns)}, ())


def f1(model: Resampled) -> float:
    counts = model.counts["coco"]
    return float(2 * counts.hits.sum() / (counts.kept.sum() + counts.boxes.sum()))


def drawn(rng: np.random.Generator, plans: int, *, found: tuple[float, float]) -> tuple[Resampled, Resampled]:
    """Two models on the same plans, which differ in how hard they are: each finds its share of the boxes."""
    boxes = rng.integers(5, 60, plans)
    ease = rng.beta(8, 2, plans)
    models = []
    for share in found:
        hits = rng.binomial(boxes, np.clip(share * ease, 0, 1))
        models.append(counted(hits, hits + rng.poisson(0.1 * boxes), boxes))
    return models[0], models[1]


def test_the_interval_of_a_figure_and_of_a_difference_holds_the_truth_19_times_of_20() -> None:
    rng = np.random.default_rng(5)
    # The truth: what the same models would reach on very many plans.
    a_truth, b_truth = (f1(model) for model in drawn(rng, 400_000, found=(0.95, 0.9)))
    repeats, of_figure, of_difference = 400, 0, 0
    for _ in range(repeats):
        a, b = bootstrap(drawn(rng, 120, found=(0.95, 0.9)), 120, resamples=400, ap_resamples=0)
        alone, apart = interval(a[F1]), interval(a[F1] - b[F1])
        assert alone is not None
        assert apart is not None
        of_figure += alone.low <= a_truth <= alone.high
        of_difference += apart.low <= a_truth - b_truth <= apart.high
    # 95 %, and three standard errors of a share of 400 repeats on either side.
    assert 0.915 <= of_figure / repeats <= 0.985
    assert 0.915 <= of_difference / repeats <= 0.985


def test_pairing_narrows_the_difference() -> None:
    a, b = bootstrap(drawn(np.random.default_rng(1), 200, found=(0.95, 0.93)), 200, resamples=2000, ap_resamples=0)
    shuffled = np.random.default_rng(2).permutation(b[F1])
    assert np.std(a[F1] - b[F1]) < 0.8 * np.std(a[F1] - shuffled)


def test_a_model_does_not_differ_from_itself() -> None:
    model, _ = drawn(np.random.default_rng(3), 50, found=(0.9, 0.9))
    a, b = bootstrap([model, model], 50, resamples=200, ap_resamples=0)
    assert np.array_equal(a[F1], b[F1])
    assert plans_needed(a[F1] - b[F1], 0.0, 50) is None


def test_the_same_plans_give_the_same_intervals() -> None:
    models = drawn(np.random.default_rng(3), 50, found=(0.9, 0.9))
    one, other = (bootstrap(models, 50, resamples=100, ap_resamples=0) for _ in range(2))
    assert np.array_equal(one[0][F1], other[0][F1])


def test_more_plans_would_show_the_difference() -> None:
    rng = np.random.default_rng(11)
    a_truth, b_truth = (f1(model) for model in drawn(rng, 400_000, found=(0.92, 0.905)))
    a, b = bootstrap(drawn(rng, 60, found=(0.92, 0.905)), 60, resamples=2000, ap_resamples=0)
    needed = plans_needed(a[F1] - b[F1], a_truth - b_truth, 60)
    assert needed is not None
    shown = 0
    for _ in range(60):
        a, b = bootstrap(drawn(rng, needed, found=(0.92, 0.905)), needed, resamples=300, ap_resamples=0)
        where = interval(a[F1] - b[F1])
        shown += where is not None and where.low > 0
    assert shown / 60 >= 0.6  # 80 % if the first 60 plans told the spread exactly


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_resample_has_the_figures_of_its_plans(seed: int) -> None:
    truth, detections = random_split(seed, plans=5)
    # Of equal scores of different plans either may come first, in a resample too: here there are none.
    apart = np.random.default_rng(seed).permutation(len(detections)) / 1e5
    detections = replace(detections, scores=detections.scores + apart)
    plans = len(truth.plans)
    matches = match(truth, detections)
    thresholds = [0.5, 0.25]
    resampled = Resampled({"coco": coco_counts(matches["all"], thresholds)}, matches["all"])
    [samples] = bootstrap([resampled], plans, resamples=20, ap_resamples=20)
    weights = np.random.default_rng(1).multinomial(plans, np.full(plans, 1 / plans), size=20)
    for number, weight in enumerate(weights):
        chosen = np.repeat(np.arange(plans), weight)
        again_truth, again_found = _of_plans(truth, detections, chosen)
        figures = coco_figures(match(again_truth, again_found), truth.classes, thresholds)
        for label, expected in ((ALL_CLASSES, figures.overall), *enumerate(figures.classes.values())):
            for name in ("f1", "precision", "recall", "ap", "ap50", "ap75"):
                value = getattr(expected, name)
                sample = samples[FigureKey("coco", label, name)][number]
                assert sample == pytest.approx(np.nan if value is None else value, abs=1e-9, nan_ok=True)


def _of_plans(truth: Truth, detections: Detections, chosen: np.ndarray) -> tuple[Truth, Detections]:
    """The chosen plans as plans of their own; one may occur more than once."""
    plan_rows = [np.flatnonzero(truth.plan == plan) for plan in chosen]
    found_rows = [np.flatnonzero(detections.plan == plan) for plan in chosen]
    rows = np.concatenate(plan_rows)
    new_truth = Truth(
        tuple(truth.plans[plan] for plan in chosen),
        truth.classes,
        truth.annotation_ids[rows],
        np.repeat(np.arange(len(chosen)), [len(each) for each in plan_rows]),
        truth.label[rows],
        truth.boxes[rows],
        truth.crowd[rows],
    )
    new_found = detections.take(np.concatenate(found_rows))
    plans = np.repeat(np.arange(len(chosen)), [len(each) for each in found_rows])
    return new_truth, Detections(plans, new_found.label, new_found.scores, new_found.boxes)
