"""The validation pictures show the same plans each time, with what counts as found."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataset_contract.load import load_split
from drawing.boxes import LabelledBox
from evaluation.metrics import ImageDetections
from tests.training.training_jobs import ROOM, WALL, write_dataset
from training_code.loop import validation_pictures
from training_code.loop.validation_pictures import PLANS, ValidationPictures

Drawn = dict[str, tuple[list[LabelledBox], list[LabelledBox]]]
METRICS: dict[str, Any] = {
    "f1_threshold": 0.4,
    "classes": {"wall": {"f1_threshold": 0.5}, "room": {"f1_threshold": 0.2}, "bath": {"f1_threshold": None}},
}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """The true and found boxes of each picture that is drawn, by its title."""
    pictures: Drawn = {}

    def draw(
        _: Image.Image, truth: list[LabelledBox], found: list[LabelledBox], *__: object, title: str
    ) -> Image.Image:
        pictures[title] = truth, found
        return Image.new("RGB", (10, 10))

    monkeypatch.setattr(validation_pictures, "draw_comparison", draw)
    return pictures


def detections(image_id: int, *found: tuple[float, int]) -> ImageDetections:
    """Of (score, category id) each, at the same place."""
    return ImageDetections(
        image_id,
        np.array([score for score, _ in found], np.float32),
        np.array([label for _, label in found], np.int64),
        np.array([(10, 10, 30, 20)] * len(found), np.float32).reshape(-1, 4),
    )


def test_a_few_plans_are_chosen_whatever_their_order(tmp_path: Path, drawn: Drawn) -> None:
    write_dataset(tmp_path, images={"train": (1,), "val": range(11, 31), "test": (2,)})
    truth = load_split(tmp_path, "val")
    found = [detections(image.id) for image in truth.images]
    for order in (1, -1):
        shuffled = replace(truth, images=truth.images[::order])
        pictures = ValidationPictures(tmp_path / "val", shuffled).draw(found[::order], METRICS, epoch=7)
        assert [picture.name for picture in pictures] == ["000011", "000016", "000021", "000026"]
    assert len(drawn) == PLANS
    assert next(iter(drawn)) == "plan 11, epoch 7"


def test_each_class_is_drawn_from_its_best_threshold_on(tmp_path: Path, drawn: Drawn) -> None:
    write_dataset(tmp_path)
    found = [detections(7, (0.5, WALL.id), (0.49, WALL.id), (0.21, ROOM.id), (0.19, ROOM.id)), detections(8)]
    ValidationPictures(tmp_path / "val", load_split(tmp_path, "val")).draw(found, METRICS, epoch=1)
    truth, shown = drawn["plan 7, epoch 1"]
    assert [box.label for box in truth] == ["wall", "wall", "room"]
    assert shown == [LabelledBox("wall", (10, 10, 20, 10)), LabelledBox("room", (10, 10, 20, 10))]


def test_a_class_of_which_nothing_was_found_shows_no_query(tmp_path: Path, drawn: Drawn) -> None:
    write_dataset(tmp_path)
    metrics = {**METRICS, "classes": {**METRICS["classes"], "wall": {"f1_threshold": 0.0}}}
    found = [detections(7, (0.9, WALL.id), (0.1, WALL.id)), detections(8)]
    ValidationPictures(tmp_path / "val", load_split(tmp_path, "val")).draw(found, metrics, epoch=1)
    assert drawn["plan 7, epoch 1"][1] == []


def test_crowds_are_not_drawn(tmp_path: Path, drawn: Drawn) -> None:
    write_dataset(tmp_path, crowds=(ROOM.id,))
    ValidationPictures(tmp_path / "val", load_split(tmp_path, "val")).draw(
        [detections(7), detections(8)], METRICS, epoch=1
    )
    assert {box.label for box in drawn["plan 7, epoch 1"][0]} == {"wall"}


def test_without_validation_plans_there_are_no_pictures(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    truth = replace(load_split(tmp_path, "val"), images=[], annotations=[])
    assert ValidationPictures(tmp_path / "val", truth).draw([], METRICS, epoch=1) == []
