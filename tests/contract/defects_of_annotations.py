"""Defects of a COCO file's annotations."""

from __future__ import annotations

from tests.contract.planting import TRAIN, Planted, annotation, bbox, many
from tests.contract.samples import HEIGHT, WIDTH, SampleDataset, box


def swapped_classes(sample: SampleDataset) -> None:
    walls = [box(500 + i, 2, 2, [5 + i, 5, 3, 40 + i]) for i in range(25)]
    rooms = [box(600 + i, 3, 1, [5 + i, 5 + i, 40, 45]) for i in range(25)]
    sample.coco["train"]["annotations"] += walls + rooms
    sample.stated = sample.coco


def same_boxes(sample: SampleDataset) -> None:
    for image_id in (2, 3):
        boxes = [box(500 + 10 * image_id + i, image_id, 1, [9 * i, 60, 8, 5 + i]) for i in range(5)]
        sample.coco["train"]["annotations"] += boxes
    sample.stated = sample.coco


def corners(sample: SampleDataset) -> None:
    boxes = [box(i, 1 + i % 4, 1 + i % 2, [i, i, i + 9, i + 5]) for i in range(30)]
    sample.coco["train"]["annotations"] = boxes
    sample.stated = sample.coco


ANNOTATION_DEFECTS: dict[str, Planted] = {
    # annotations
    "three numbers": (annotation(bbox=[1, 2, 3]), "BOX_INVALID", "error", TRAIN, None, 4),
    "numbers as texts": (annotation(bbox=["1", "2", "3", "4"]), "BOX_INVALID", "error", TRAIN, None, 4),
    "no box": (lambda s: s.coco["train"]["annotations"][2].pop("bbox"), "BOX_INVALID", "error", TRAIN, None, 4),
    "truth value in box": (annotation(bbox=[True, 2, 3, 4]), "BOX_INVALID", "error", TRAIN, None, 4),
    "no width": (bbox(10, 10, 0, 20), "BOX_EMPTY", "error", TRAIN, 2, 4),
    "negative height": (bbox(10, 10, 20, -5), "BOX_EMPTY", "error", TRAIN, 2, 4),
    "outside": (bbox(500, 10, 20, 20), "BOX_OUTSIDE_IMAGE", "error", TRAIN, 2, 4),
    "partly outside": (bbox(100, 10, 40, 10), "BOX_OUTSIDE_IMAGE", "error", TRAIN, 2, 4),
    "negative corner": (bbox(-20, 10, 40, 20), "BOX_OUTSIDE_IMAGE", "error", TRAIN, 2, 4),
    "slightly over the edge": (bbox(-0.9, 10, 40, 20), "BOX_OVER_EDGE", "warning", TRAIN, 2, 4),
    "corners": (bbox(80, 50, 110, 70), "BOX_LOOKS_XYXY", "error", TRAIN, 2, 4),
    "corners everywhere": (corners, "BOXES_LOOK_XYXY", "warning", TRAIN, None, None),
    "fractions": (
        lambda s: [item.update(bbox=[0.1, 0.1, 0.5, 0.5], area=0.25) for item in s.coco["train"]["annotations"]],
        "BOXES_LOOK_NORMALISED",
        "error",
        TRAIN,
        None,
        None,
    ),
    "sliver": (bbox(10, 10, 50, 0.4), "BOX_SLIVER", "warning", TRAIN, 2, 4),
    "whole image": (bbox(0, 0, WIDTH, HEIGHT), "BOX_WHOLE_IMAGE", "warning", TRAIN, 2, 4),
    "area missing": (
        lambda s: s.coco["train"]["annotations"][2].pop("area"),
        "AREA_MISSING",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "area wrong": (annotation(area=9999), "AREA_WRONG", "warning", TRAIN, None, 4),
    "area negative": (annotation(area=-241), "AREA_INVALID", "error", TRAIN, None, 4),
    "iscrowd 2": (annotation(iscrowd=2), "ISCROWD_INVALID", "error", TRAIN, None, 4),
    "iscrowd true": (annotation(iscrowd=True), "ISCROWD_INVALID", "error", TRAIN, None, 4),
    "crowd": (annotation(iscrowd=1), "CROWD", "warning", TRAIN, 2, 4),
    "polygon odd": (
        annotation(segmentation=[[1, 2, 3, 4, 5, 6, 7]]),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "polygon of two points": (
        annotation(segmentation=[[1, 2, 3, 4]]),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "polygon elsewhere": (
        annotation(segmentation=[[80, 60, 90, 60, 90, 70]]),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "mask of another size": (
        annotation(segmentation={"size": [80, 120], "counts": [5, 6]}),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "same object twice": (many([10, 10.5, 60.25, 4.01]), "DUPLICATE_BOX", "warning", TRAIN, 2, 500),
    "more objects than queries": (
        many(*([float(i), 60, 1, 9] for i in range(20))),
        "TOO_MANY_OBJECTS",
        "warning",
        TRAIN,
        2,
        None,
    ),
    "classes swapped": (swapped_classes, "CLASSES_LOOK_SWAPPED", "warning", TRAIN, None, None),
    "the same boxes on two images": (same_boxes, "SAME_BOXES_TWICE", "warning", TRAIN, 3, None),
}
