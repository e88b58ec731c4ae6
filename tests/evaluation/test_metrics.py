"""The metrics of hand-made cases whose answers one can work out on paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.coco import Annotation, Category, CocoDataset, Image
from evaluation.metrics import ImageDetections, best_f1, evaluate

WALL, ROOM = 1, 2
Box = tuple[float, float, float, float]


def truth(*boxes: tuple[int, Box], images: int = 1) -> CocoDataset:
    """All boxes (category id, xyxy) on the first image."""
    annotations = [
        Annotation(number, 1, category, (x0, y0, x1 - x0, y1 - y0), (x1 - x0) * (y1 - y0))
        for number, (category, (x0, y0, x1, y1)) in enumerate(boxes, start=1)
    ]
    coco_images = [Image(number, f"images/{number:06d}.png", 1000, 1000) for number in range(1, images + 1)]
    return CocoDataset(coco_images, annotations, [Category(WALL, "wall"), Category(ROOM, "room")])


def found(*detections: tuple[float, int, Box], image_id: int = 1) -> ImageDetections:
    """Detections (score, category id, xyxy)."""
    return ImageDetections(
        image_id,
        np.array([score for score, _, _ in detections], dtype=np.float32),
        np.array([label for _, label, _ in detections], dtype=np.int64),
        np.array([box for _, _, box in detections], dtype=np.float32).reshape(-1, 4),
    )


LEFT, RIGHT, ELSEWHERE = (0.0, 0.0, 10.0, 100.0), (200.0, 0.0, 210.0, 100.0), (500.0, 500.0, 600.0, 600.0)


def test_everything_found_exactly() -> None:
    metrics = evaluate(
        truth((WALL, LEFT), (ROOM, RIGHT)), [found((0.9, WALL, LEFT), (0.8, ROOM, RIGHT))], max_detections=10
    )
    assert [metrics[name] for name in ("ap", "ap50", "ap75", "ar", "f1")] == pytest.approx([1] * 5)
    assert metrics["f1_threshold"] == pytest.approx(0.8)
    assert metrics["classes"]["wall"] == {
        "ap": pytest.approx(1),
        "ap50": pytest.approx(1),
        "ap75": pytest.approx(1),
        "ar": pytest.approx(1),
        "f1": 1,
        "f1_threshold": pytest.approx(0.9),
        "f1_precision": 1,
        "f1_recall": 1,
        "boxes": 1,
    }


def test_nothing_found() -> None:
    metrics = evaluate(truth((WALL, LEFT)), [found()], max_detections=10)
    assert metrics["ap"] == metrics["ap50"] == metrics["ar"] == metrics["f1"] == 0


def test_nothing_to_find() -> None:
    metrics = evaluate(truth(), [found((0.9, WALL, LEFT))], max_detections=10)
    assert metrics["ap"] == metrics["f1"] == 0
    assert metrics["classes"]["wall"]["ap"] is None


def test_the_best_f1_takes_the_right_threshold() -> None:
    guesses = found((0.9, WALL, LEFT), (0.8, WALL, ELSEWHERE), (0.7, WALL, RIGHT), (0.1, WALL, ELSEWHERE))
    metrics = evaluate(truth((WALL, LEFT), (WALL, RIGHT)), [guesses], max_detections=10)
    # from 0.9 on: 1 of 1 right, 1 of 2 found: 2/3; from 0.7 on: 2 of 3 right, 2 of 2 found: 4/5; from 0.1 on: 4/6
    assert metrics["f1"] == pytest.approx(0.8)
    assert metrics["f1_threshold"] == pytest.approx(0.7)
    assert metrics["f1_precision"] == pytest.approx(2 / 3)
    assert metrics["f1_recall"] == 1
    threshold, precision, recall, f1 = metrics["f1_curve"][85]
    assert (threshold, precision, recall, f1) == (0.85, 1, 0.5, pytest.approx(2 / 3, abs=1e-4))


def test_a_second_box_on_the_same_object_is_wrong() -> None:
    guesses = found((0.9, WALL, LEFT), (0.8, WALL, LEFT))
    metrics = evaluate(truth((WALL, LEFT), (WALL, RIGHT)), [guesses], max_detections=10)
    assert metrics["f1"] == pytest.approx(2 / 3)
    assert metrics["f1_threshold"] == pytest.approx(0.9)


def test_the_class_has_to_be_right() -> None:
    metrics = evaluate(truth((WALL, LEFT)), [found((0.9, ROOM, LEFT))], max_detections=10)
    assert metrics["f1"] == metrics["ap50"] == 0


def test_an_iou_below_one_half_is_wrong() -> None:
    almost = (0.0, 0.0, 10.0, 49.0)
    metrics = evaluate(truth((WALL, LEFT)), [found((0.9, WALL, almost))], max_detections=10)
    assert metrics["f1"] == metrics["ap50"] == 0


def test_more_than_a_hundred_walls_count() -> None:
    walls = [(float(x), 0.0, x + 4.0, 50.0) for x in range(0, 750, 5)]
    guesses = found(*[(0.9 - index / 1000, WALL, wall) for index, wall in enumerate(walls)])
    metrics = evaluate(truth(*[(WALL, wall) for wall in walls]), [guesses], max_detections=300)
    assert metrics["boxes"] == 150
    assert [metrics["ar"], metrics["ap"]] == pytest.approx([1, 1])


def test_a_guess_on_an_empty_image_costs_precision() -> None:
    guesses = [found((0.5, WALL, LEFT)), found((0.9, WALL, LEFT), image_id=2)]
    metrics = evaluate(truth((WALL, LEFT), images=2), guesses, max_detections=10)
    assert metrics["f1_precision"] == pytest.approx(0.5)
    assert metrics["f1_recall"] == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12), st.integers(0, 12))
def test_no_threshold_beats_the_best_f1(detections: list[tuple[int, bool]], missed: int) -> None:
    scores = np.array([score / 5 for score, _ in detections])
    hits = np.array([hit for _, hit in detections], dtype=np.bool_)
    boxes = int(hits.sum()) + missed
    expected = 0.0
    for threshold in scores:
        kept = scores >= threshold
        expected = max(expected, 2 * int(hits[kept].sum()) / (int(kept.sum()) + boxes))
    assert best_f1(scores, hits, boxes).f1 == pytest.approx(expected)
