"""Curves: their points are the figures at each confidence, and the operating points are on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evaluation.comparison import compare
from evaluation.curves import class_curve, draw_curves
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import ModelDetections
from evaluation.figures import coco_counts, f1_of, ratio
from evaluation.matching import match
from evaluation.results.plan_index import PlanIndex
from evaluation.rules import COCO
from tests.evaluation.plans import dataset_of, found, random_split

BOX = (10.0, 10.0, 100.0, 50.0)


def test_each_point_is_what_is_counted_from_that_confidence_on() -> None:
    for seed in range(20):
        truth, detections = random_split(seed)
        for label, matches in enumerate(match(truth, detections)["all"]):
            curve = class_curve(matches)
            assert len(set(curve.confidence.tolist())) == len(curve.confidence)
            for index, confidence in enumerate(curve.confidence.tolist()):
                counts = coco_counts([matches], [confidence])
                hits, kept, boxes = (int(part.sum()) for part in (counts.hits, counts.kept, counts.boxes))
                expected = [float(ratio(hits, kept)), float(ratio(hits, boxes)), float(f1_of(hits, kept, boxes))]
                assert np.allclose([curve.precision[index], curve.recall[index], curve.f1[index]], expected), label


def test_classes_without_boxes_have_no_curve_and_the_marks_are_the_operating_points() -> None:
    data = dataset_of([(1, 0, BOX), (1, 0, (200.0, 200.0, 60.0, 60.0))])
    models = [
        ModelDetections("a", {"test": found((1, 0, 0.75, BOX), (1, 0, 0.5, (300.0, 10.0, 30.0, 30.0)))}, {}, (), ()),
        ModelDetections("b", {"test": found()}, {}, (), ()),
    ]
    dataset = EvaluatedDataset(Path("nowhere"), {"test": data}, PlanIndex("nowhere", {}, {}))
    comparison = compare(dataset, "test", models, thresholds={"a": 0.6, "b": 0.6}, resamples=10)
    plots = draw_curves(comparison)
    assert [plot.title for plot in plots] == ["wall: precision over recall", "wall: F1 over confidence"]
    assert plots[0].words == "Marked: a recall 0.500, precision 1.000; b recall 0.000, precision 0.000."
    assert plots[1].words == "Marked: a confidence 0.600, F1 0.667; b confidence 0.600, F1 0.000."
    assert comparison.models[0].figures_of(COCO, "wall").f1 == 2 / 3
