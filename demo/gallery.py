"""Chooses and draws the page's pictures: plans of the data set, and held-out plans with the model's detections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from dataset_contract.coco import CocoDataset
from dataset_contract.layout import SPLITS
from dataset_contract.load import load_split
from dataset_prep.preview import draw_boxes
from dataset_prep.sources.source import SourceBox
from demo.page import PredictionPair, SamplePicture, data_uri
from prediction.predictor import Predictor

PICTURE_SIDE = 640
SAMPLES_PER_SPLIT = 4
PREDICTED_PLANS = 4


def sample_pictures(root: Path, classes: Sequence[str]) -> list[SamplePicture]:
    """The first plans of each split with their boxes."""
    pictures = []
    for split in SPLITS:
        dataset = load_split(root, split)
        boxes = _boxes_by_image(dataset)
        for image in dataset.images[:SAMPLES_PER_SPLIT]:
            with Image.open(root / split / image.file_name) as plan:
                drawn = draw_boxes(plan, boxes.get(image.id, ()), classes, PICTURE_SIDE)
            pictures.append(SamplePicture(split, image.id, data_uri(drawn)))
    return pictures


def predict_held_out(
    root: Path, predictor: Predictor, *, classes: Sequence[str], threshold: float
) -> tuple[str, list[PredictionPair]]:
    """Predictions above `threshold` beside the ground truth on held-out plans, with their split's name.

    The split is test, or val if test is empty; nothing is predicted if both are.
    """
    split, dataset = "test", load_split(root, "test")
    if not dataset.images:
        split, dataset = "val", load_split(root, "val")
    true_boxes = _boxes_by_image(dataset)
    pairs = []
    for image in dataset.images[:PREDICTED_PLANS]:
        truth = true_boxes.get(image.id, [])
        with Image.open(root / split / image.file_name) as plan:
            found = [
                SourceBox(detection.label, _xywh(detection.box))
                for detection in predictor.predict(plan)
                if detection.score >= threshold
            ]
            pairs.append(
                PredictionPair(
                    image_id=image.id,
                    truth=data_uri(draw_boxes(plan, truth, classes, PICTURE_SIDE)),
                    true_boxes=len(truth),
                    predicted=data_uri(draw_boxes(plan, found, classes, PICTURE_SIDE)),
                    predicted_boxes=len(found),
                )
            )
    return split, pairs


def best_threshold(metrics: Mapping[str, Any]) -> float:
    """The confidence with the best F1 on the validation split; 0.5 if that is empty."""
    return float(metrics.get("f1_threshold") or 0.5)


def _boxes_by_image(dataset: CocoDataset) -> dict[int, list[SourceBox]]:
    names = {category.id: category.name for category in dataset.categories}
    boxes: dict[int, list[SourceBox]] = {}
    for annotation in dataset.annotations:
        boxes.setdefault(annotation.image_id, []).append(SourceBox(names[annotation.category_id], annotation.bbox))
    return boxes


def _xywh(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    return x0, y0, x1 - x0, y1 - y0
