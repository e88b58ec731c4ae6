"""The metrics of hand-made cases whose answers one can work out on paper."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.coco import Annotation, Category, CocoDataset, Image
from evaluation.metrics import ImageDetections, best_f1, class_thresholds, evaluate

WALL, ROOM = 1, 2
Box = tuple[float, float, float, float]


def truth(
    *boxes: tuple[int, Box], crowds: Sequence[tuple[int, Box]] = (), images: int = 1, first_id: int = 1
) -> CocoDataset:
    """All boxes (category id, xyxy) on the first image, `crowds` after the objects."""
    annotations = [
        Annotation(number, 1, category, (x0, y0, x1 - x0, y1 - y0), (x1 - x0) * (y1 - y0), int(index >= len(boxes)))
        for index, (number, (category, (x0, y0, x1, y1))) in enumerate(enumerate([*boxes, *crowds], start=first_id))
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


F1_FIGURES = ("f1", "f1_threshold", "f1_precision", "f1_recall")
CROWD = (500.0, 500.0, 900.0, 900.0)
IN_CROWD = ((500.0, 500.0, 600.0, 600.0), (550.0, 500.0, 880.0, 900.0), CROWD)


def test_a_crowd_is_not_a_box_to_find() -> None:
    with_crowd = truth((WALL, LEFT), crowds=[(WALL, CROWD), (ROOM, CROWD)])
    metrics = evaluate(with_crowd, [found((0.9, WALL, LEFT))], max_detections=10)
    assert metrics == evaluate(truth((WALL, LEFT)), [found((0.9, WALL, LEFT))], max_detections=10)
    assert (metrics["ap"], metrics["f1"], metrics["boxes"]) == (pytest.approx(1), 1, 1)
    assert metrics["classes"]["room"]["boxes"] == 0


def test_what_is_found_in_a_crowd_is_neither_right_nor_wrong() -> None:
    with_crowd = truth((WALL, LEFT), (WALL, RIGHT), crowds=[(WALL, CROWD)])
    objects = [(0.9, WALL, LEFT), (0.6, ROOM, CROWD), (0.5, WALL, RIGHT)]
    both = objects + [(0.8, WALL, box) for box in IN_CROWD]
    one, other = (evaluate(with_crowd, [found(*boxes)], max_detections=10) for boxes in (objects, both))
    assert one == other
    assert one["f1_precision"] == pytest.approx(2 / 3)  # the room is wrong: the crowd is one of walls


def test_only_a_crowd_and_nothing_to_find() -> None:
    """What annotation tools write that mark every mask so."""
    metrics = evaluate(truth(crowds=[(WALL, CROWD)]), [found(*[(0.9, WALL, b) for b in IN_CROWD])], max_detections=10)
    assert [metrics[name] for name in ("ap", "boxes", *F1_FIGURES)] == [0] * 6
    assert metrics["classes"]["wall"] == dict.fromkeys(("ap", "ap50", "ap75", "ar", *F1_FIGURES)) | {"boxes": 0}


boxes_anywhere = st.tuples(
    st.sampled_from([WALL, ROOM]),
    st.builds(
        lambda x, y, w, h: (float(x), float(y), float(x + w), float(y + h)),
        *[st.integers(0, 30)] * 2,
        *[st.integers(5, 30)] * 2,
    ),
)


@given(st.lists(boxes_anywhere, max_size=4), st.lists(boxes_anywhere, max_size=4), st.lists(boxes_anywhere, max_size=9))
def test_no_figure_exceeds_one(
    objects: list[tuple[int, Box]], crowds: list[tuple[int, Box]], guesses: list[tuple[int, Box]]
) -> None:
    detections = found(*[(0.9 - index / 20, *guess) for index, guess in enumerate(guesses)])
    metrics = evaluate(truth(*objects, crowds=crowds), [detections], max_detections=10)
    for figures in (metrics, *metrics["classes"].values()):
        assert all(0 <= (figures[name] or 0) <= 1 + 1e-9 for name in ("ap", "ap50", "ap75", "ar", *F1_FIGURES))
    assert metrics["boxes"] == len(objects)


@pytest.mark.parametrize("first_id", [0, 1, 10**12])
def test_the_ids_of_annotations_do_not_count(first_id: int) -> None:
    both = [(WALL, LEFT), (ROOM, RIGHT)]
    metrics = evaluate(truth(*both, first_id=first_id), [found(*[(0.9, *box) for box in both])], max_detections=10)
    assert [metrics[name] for name in ("ap", "ap50", "ar", "f1")] == pytest.approx([1] * 4)


def validation_and_test() -> tuple[dict[str, Any], dict[str, Any]]:
    """Walls are found best from 0.5 on and rooms from 0.8 on in one split; in the other, more is found below that."""
    val = evaluate(
        truth((WALL, LEFT), (WALL, RIGHT), (ROOM, LEFT)),
        [found((0.9, WALL, LEFT), (0.5, WALL, RIGHT), (0.8, ROOM, LEFT), (0.7, ROOM, ELSEWHERE))],
        max_detections=10,
    )
    test = evaluate(
        truth((WALL, LEFT), (WALL, RIGHT), (ROOM, LEFT), (ROOM, RIGHT)),
        [found((0.6, WALL, LEFT), (0.4, WALL, RIGHT), (0.9, ROOM, LEFT), (0.7, ROOM, RIGHT))],
        max_detections=10,
        thresholds_of=val,
    )
    return val, test


def test_thresholds_of_one_split_are_taken_unchanged_on_another() -> None:
    val, test = validation_and_test()
    assert class_thresholds(val) == {"wall": 0.5, "room": pytest.approx(0.8)}
    for name in ("wall", "room"):
        assert test["classes"][name]["f1_threshold"] == val["classes"][name]["f1_threshold"]
        assert test["classes"][name]["f1"] == pytest.approx(2 / 3)  # 1 of 2 found, none wrong; its own best is 1
        assert test["classes"][name]["ap"] == pytest.approx(1)
    assert val["f1_threshold"] == test["f1_threshold"] == 0.5
    assert test["f1"] == pytest.approx(6 / 7)  # three of four above 0.5


def test_a_class_without_a_box_has_the_threshold_of_all() -> None:
    val = evaluate(truth((WALL, LEFT)), [found((0.6, WALL, LEFT), (0.5, ROOM, LEFT))], max_detections=10)
    assert class_thresholds(val) == {"wall": pytest.approx(0.6), "room": pytest.approx(0.6)}


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
