"""The demo's comparison: a worse model made of the run's own detections, and told as such."""

from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
from PIL import Image

from demo.evaluation import REMARK, worse_results, write_evaluation
from evaluation.dataset import load_dataset
from evaluation.detections import Detections, ModelDetections
from terminal.console import Terminal
from tests.evaluation.datasets import HEIGHT, PLANS, ROOM, WALL, WIDTH, write_dataset
from tests.prediction.test_model_folder import write_model


def test_half_of_the_detections_are_left_and_all_are_moved_within_their_plan(tmp_path: Path) -> None:
    dataset, count = load_dataset(write_dataset(tmp_path / "data"), "test"), 200
    boxes = np.tile([350.0, 10.0, 45.0, 20.0], (count, 1))
    found = Detections.of([0] * count, [0, 1] * (count // 2), [0.5] * count, boxes)
    entries = worse_results(ModelDetections("run", {"test": found}, {}, (), ()), dataset)
    assert 70 < len(entries) < 130
    assert {entry["image_id"] for entry in entries} == {23}
    assert {entry["category_id"] for entry in entries} == {WALL, ROOM}
    for x, y, width, height in (entry["bbox"] for entry in entries):
        assert min(x, y) >= 0
        assert x + width <= WIDTH + 1e-9
        assert y + height <= HEIGHT + 1e-9
    assert len({tuple(entry["bbox"]) for entry in entries}) > len(entries) / 2


def test_the_report_says_that_the_worse_model_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model", classes=[{"id": 2, "name": "room", "threshold": 0.0625}])
    data = write_dataset(tmp_path / "data")
    (data / "test" / "images").mkdir()
    for number in PLANS["test"]:
        Image.new("L", (WIDTH, HEIGHT), 255).save(data / "test" / "images" / f"{number:06d}.png")
    page = write_evaluation(data, tmp_path / "model", tmp_path, tmp_path / "to", Terminal(stderr=True))
    text = html.unescape(page.read_text())
    assert REMARK in text
    assert re.search(r"(this run|its worse copy) and|this run finds", text)
