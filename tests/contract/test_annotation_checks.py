"""What is said about boxes on their images."""

from __future__ import annotations

import time

import pytest

from dataset_contract.annotation_checks import check_annotations
from dataset_contract.coco import Annotation, Category, CocoDataset, Image
from dataset_contract.findings import Finding, Severity

Box = tuple[float, float, float, float]


def check(*boxes: Box, iscrowd: int = 0, category: int = 1, max_objects: int | None = None) -> list[Finding]:
    """Findings about boxes on one image of 1000 x 800."""
    dataset = CocoDataset(
        [Image(7, "images/000007.png", 1000, 800)],
        [Annotation(i, 7, category, bbox, bbox[2] * bbox[3], iscrowd) for i, bbox in enumerate(boxes)],
        [Category(1, "wall"), Category(2, "room")],
    )
    return check_annotations(dataset, split="val", file="val/annotations.json", max_objects_per_image=max_objects)


@pytest.mark.parametrize(
    "bbox",
    [
        (0, 0, 1, 1),
        (0, 0, 990, 790),
        (0, 300, 1000, 4),
        (999, 799, 1, 1),
        (900.25, 700.5, 99.75, 99.5),
        (-0.004, 10, 20, 20),
        (990, 10, 10.009, 20),
    ],
)
def test_a_box_inside_its_image_is_right(bbox: Box) -> None:
    assert check(bbox) == []


@pytest.mark.parametrize(
    ("bbox", "code", "severity"),
    [
        ((10, 10, 0, 5), "BOX_EMPTY", Severity.ERROR),
        ((10, 10, 5, 0), "BOX_EMPTY", Severity.ERROR),
        ((10, 10, -5, 5), "BOX_EMPTY", Severity.ERROR),
        ((-50, 10, 20, 20), "BOX_OUTSIDE_IMAGE", Severity.ERROR),
        ((700, 10, 400, 20), "BOX_OUTSIDE_IMAGE", Severity.ERROR),
        ((10, 2000, 20, 20), "BOX_OUTSIDE_IMAGE", Severity.ERROR),
        ((600, 500, 900, 780), "BOX_LOOKS_XYXY", Severity.ERROR),
        ((-3, 10, 20, 20), "BOX_OVER_EDGE", Severity.WARNING),
        ((950, 10, 58, 20), "BOX_OVER_EDGE", Severity.WARNING),
        ((10, 10, 0.4, 20), "BOX_SLIVER", Severity.WARNING),
        ((0, 0, 1000, 800), "BOX_WHOLE_IMAGE", Severity.WARNING),
    ],
)
def test_an_unusual_box_is_found_once(bbox: Box, code: str, severity: Severity) -> None:
    (finding,) = check(bbox, (100, 100, 50, 50))
    assert (finding.code, finding.severity) == (code, severity)
    assert (finding.image_id, finding.annotation_id, finding.split) == (7, 0, "val")
    assert "1000x800" in finding.message or f"[{bbox[0]:g}, {bbox[1]:g}" in finding.message


def test_a_crowd_is_a_warning() -> None:
    assert [finding.code for finding in check((10, 10, 50, 50), iscrowd=1)] == ["CROWD"]


def test_fractions_instead_of_pixels_are_recognised() -> None:
    found = check((0.1, 0.1, 0.5, 0.5), (0.3, 0.2, 0.1, 0.4), (0.5, 0.5, 0.2, 0.2))
    assert [finding.severity for finding in found if finding.code == "BOXES_LOOK_NORMALISED"] == [Severity.ERROR]


def test_duplicates_are_of_one_class_and_one_place() -> None:
    assert [f.code for f in check((10, 10, 50, 50), (10.1, 10, 50, 50.1))] == ["DUPLICATE_BOX"]
    assert check((10, 10, 50, 50), (12, 10, 50, 50), (10, 12, 50, 50), (10, 10, 52, 50)) == []
    other_class = CocoDataset(
        [Image(1, "a", 100, 100)],
        [Annotation(1, 1, 1, (10, 10, 20, 20), 400), Annotation(2, 1, 2, (10, 10, 20, 20), 400)],
        [Category(1, "wall"), Category(2, "room")],
    )
    assert check_annotations(other_class) == []


def test_three_equal_boxes_are_two_duplicates() -> None:
    assert [f.annotation_id for f in check(*[(10, 10, 50, 50)] * 3)] == [1, 2]


def test_a_box_without_area_between_two_duplicates_does_not_hide_them() -> None:
    codes = [finding.code for finding in check((10, 10, 50, 50), (10, 10, 50, 0), (10.1, 10, 50, 50.1))]
    assert sorted(codes) == ["BOX_EMPTY", "DUPLICATE_BOX"]


def test_thousands_of_boxes_at_one_place_do_not_cost_their_square() -> None:
    boxes: list[Box] = [(5, 5 + i % 700, 50, 1 + i / 20_000) for i in range(20_000)]
    started = time.process_time()
    check(*boxes, *[(1, 1, 2, 2)] * 20_000)
    assert time.process_time() - started < 10  # in their square they take minutes


def test_the_models_number_of_queries_is_compared_per_image() -> None:
    boxes: list[Box] = [(i * 30, 10, 20, 20) for i in range(11)]
    assert check(*boxes, max_objects=11) == []
    (finding,) = check(*boxes, max_objects=10)
    assert (finding.code, finding.severity, finding.image_id) == ("TOO_MANY_OBJECTS", Severity.WARNING, 7)


def test_crowds_are_not_objects() -> None:
    """They take no query, and the model cannot learn to find one twice."""
    boxes: list[Box] = [(10, 10, 20, 20)] * 11
    assert {finding.code for finding in check(*boxes, iscrowd=1, max_objects=10)} == {"CROWD"}
