"""Ways to plant a defect into the sample data set: in the JSON's bytes, in an annotation, in an image, in a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.contract.samples import SampleDataset, box

TRAIN = "train/annotations.json"
TRAIN_1 = "train/images/000001.png"
Plant = Callable[[SampleDataset], object]
Planted = tuple[Plant, str, str, str | None, int | None, int | None]
"""What plants a defect; the code and severity of its finding; the file, the image and the annotation that it names."""


def content(sample: SampleDataset, split: str = "train") -> bytes:
    return json.dumps(sample.coco[split]).encode()


def raw(change: Callable[[bytes], bytes]) -> Plant:
    """A defect in the bytes of train's annotations."""
    return lambda sample: sample.files.update({TRAIN: change(content(sample))})


def annotation(**change: Any) -> Plant:
    """A defect of annotation 4, on image 2."""
    return lambda sample: sample.coco["train"]["annotations"][2].update(change)


def bbox(*numbers: Any) -> Plant:
    return annotation(bbox=list(numbers), area=abs(numbers[2] * numbers[3]))


def image(**change: Any) -> Plant:
    """A defect of image 1."""
    return lambda sample: sample.coco["train"]["images"][0].update(change)


def file(data: bytes) -> Plant:
    """Another content of image 1's file."""
    return lambda sample: sample.files.update({TRAIN_1: data})


def many(*boxes: list[float], category: int = 1) -> Plant:
    """Further boxes on image 2; the manifest's counts are made again."""

    def plant(sample: SampleDataset) -> None:
        sample.coco["train"]["annotations"] += [box(500 + i, 2, category, list(item)) for i, item in enumerate(boxes)]
        sample.stated = sample.coco

    return plant
