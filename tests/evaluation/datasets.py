"""Data sets on disk for tests of the command and its readers: annotations without pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes
from dataset_contract.layout import annotations_path

WIDTH, HEIGHT = 400, 200
WALL, ROOM = 1, 2
"""The data set's own ids."""
PLANS = {"val": (5, 6), "test": (23, 123, 1000123)}
BOXES = {
    WALL: (10.0, 10.0, 100.0, 8.0),
    ROOM: (20.0, 30.0, 200.0, 100.0),
}
"""On each plan one of each class."""


def write_dataset(root: Path, *, boxes: bool = True) -> Path:
    """A data set of the splits PLANS, on whose plans BOXES are true."""
    for split, ids in PLANS.items():
        annotations = [
            Annotation(1000 * image_id + label, image_id, label, box, box[2] * box[3])
            for image_id in ids
            for label, box in BOXES.items()
        ]
        dataset = CocoDataset(
            [Image(image_id, f"images/{image_id:06d}.png", WIDTH, HEIGHT) for image_id in ids],
            annotations if boxes else [],
            [Category(WALL, "wall"), Category(ROOM, "room")],
        )
        path = root / annotations_path(split)
        path.parent.mkdir(parents=True)
        path.write_bytes(coco_to_bytes(dataset))
    return root


def entries(ids: Sequence[int | str], numbers: Mapping[int, int], *, score: float = 0.9) -> list[dict[str, Any]]:
    """A perfect result for each plan and class; `numbers` are the file's, by the data set's own ids."""
    return [
        {"image_id": image_id, "category_id": numbers[label], "bbox": list(box), "score": score}
        for image_id in ids
        for label, box in BOXES.items()
        if label in numbers
    ]


def write_json(path: Path, content: object) -> Path:
    """The file with that content."""
    path.write_text(json.dumps(content))
    return path


def write_labels(folder: Path, ids: Sequence[int], numbers: Mapping[int, int]) -> Path:
    """Ultralytics' label files with confidence, of a perfect result."""
    folder.mkdir(parents=True)
    for image_id in ids:
        lines = []
        for label, number in numbers.items():
            x, y, width, height = BOXES[label]
            shares = ((x + width / 2) / WIDTH, (y + height / 2) / HEIGHT, width / WIDTH, height / HEIGHT, 0.9)
            lines.append(" ".join([str(number), *(f"{share:g}" for share in shares)]))
        (folder / f"{image_id:06d}.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder
