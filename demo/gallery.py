"""Chooses and draws the page's pictures: plans of the data set, and held-out plans with the model's detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dataset_contract.coco import CocoDataset
from dataset_contract.layout import SPLITS
from dataset_contract.load import load_split
from dataset_prep.preview import data_uri
from drawing.boxes import LabelledBox, draw_boxes
from prediction.predictor import Predictor

PICTURE_SIDE = 640
SAMPLES_PER_SPLIT = 4
PREDICTED_PLANS = 4


@dataclass(frozen=True, slots=True)
class SamplePicture:
    """A plan of the data set with its boxes drawn."""

    split: str
    image_id: int
    picture: str


@dataclass(frozen=True, slots=True)
class PredictionPair:
    """A held-out plan twice: with its true boxes and with the predicted ones."""

    image_id: int
    truth: str
    true_boxes: int
    predicted: str
    predicted_boxes: int


@dataclass(frozen=True, slots=True)
class Pictures:
    """The page's pictures, as data URIs; `held_out` is the split of the predictions."""

    samples: list[SamplePicture]
    held_out: str
    predictions: list[PredictionPair]


def draw_pictures(dataset_root: Path, predictor: Predictor, classes: Sequence[str]) -> Pictures:
    """Draw plans of the data set, and what the model detects on plans that it was not trained on."""
    held_out, predictions = predict_held_out(dataset_root, predictor, classes)
    return Pictures(sample_pictures(dataset_root, classes), held_out, predictions)


def sample_pictures(root: Path, classes: Sequence[str]) -> list[SamplePicture]:
    """The first plans of each split with their boxes."""
    pictures = []
    for split in SPLITS:
        dataset = load_split(root, split)
        boxes = _boxes_by_image(dataset)
        for image in dataset.images[:SAMPLES_PER_SPLIT]:
            with Image.open(root / split / image.file_name) as plan:
                drawn = draw_boxes(plan, boxes.get(image.id, ()), classes, PICTURE_SIDE)
            pictures.append(SamplePicture(split, image.id, data_uri(drawn, optimize=True)))
    return pictures


def predict_held_out(root: Path, predictor: Predictor, classes: Sequence[str]) -> tuple[str, list[PredictionPair]]:
    """Predictions beside the ground truth on held-out plans, with their split's name.

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
            found = [LabelledBox(each.label, _xywh(each.box)) for each in predictor.predict(plan)]
            pairs.append(
                PredictionPair(
                    image_id=image.id,
                    truth=data_uri(draw_boxes(plan, truth, classes, PICTURE_SIDE), optimize=True),
                    true_boxes=len(truth),
                    predicted=data_uri(draw_boxes(plan, found, classes, PICTURE_SIDE), optimize=True),
                    predicted_boxes=len(found),
                )
            )
    return split, pairs


def _boxes_by_image(dataset: CocoDataset) -> dict[int, list[LabelledBox]]:
    names = {category.id: category.name for category in dataset.categories}
    boxes: dict[int, list[LabelledBox]] = {}
    for annotation in dataset.annotations:
        boxes.setdefault(annotation.image_id, []).append(LabelledBox(names[annotation.category_id], annotation.bbox))
    return boxes


def _xywh(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    return x0, y0, x1 - x0, y1 - y0
