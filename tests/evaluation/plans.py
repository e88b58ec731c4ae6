"""Small splits and detections for tests: random ones with ties, crowds, empty plans and repeats, and by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dataset_contract.coco import Annotation, Category, CocoDataset, Image
from evaluation.detections import Detections, Truth

SIDE = 400


def truth_of(
    boxes: Sequence[tuple[int, int, tuple[float, float, float, float]]],
    *,
    plans: int = 1,
    crowds: Sequence[int] = (),
    classes: Sequence[str] = ("wall", "room"),
) -> Truth:
    """`boxes` are (plan from 1 on, class index, x y width height); `crowds` are positions among them."""
    return Truth.of(dataset_of(boxes, plans=plans, crowds=crowds, classes=classes))


def dataset_of(
    boxes: Sequence[tuple[int, int, tuple[float, float, float, float]]],
    *,
    plans: int = 1,
    crowds: Sequence[int] = (),
    classes: Sequence[str] = ("wall", "room"),
) -> CocoDataset:
    """As truth_of(), as COCO data; annotation ids count from 100 on."""
    return CocoDataset(
        [Image(number, f"images/{number:06d}.png", SIDE, SIDE) for number in range(1, plans + 1)],
        [
            Annotation(100 + index, plan, label + 1, box, box[2] * box[3], int(index in crowds))
            for index, (plan, label, box) in enumerate(boxes)
        ],
        [Category(number, name) for number, name in enumerate(classes, start=1)],
    )


def found(*boxes: tuple[int, int, float, tuple[float, float, float, float]]) -> Detections:
    """`boxes` are (plan from 1 on, class index, score, x y width height)."""
    return Detections.of(
        [box[0] - 1 for box in boxes], [box[1] for box in boxes], [box[2] for box in boxes], [box[3] for box in boxes]
    )


def random_split(seed: int, *, plans: int = 4, boxes: int = 6) -> tuple[Truth, Detections]:
    """A split with crowds, a plan without boxes, boxes of all sizes, and detections with equal scores and repeats."""
    rng = np.random.default_rng(seed)
    wanted: list[tuple[int, int, tuple[float, float, float, float]]] = []
    guesses: list[tuple[int, int, float, tuple[float, float, float, float]]] = []
    for plan in range(1, plans + 1):
        for _ in range(int(rng.integers(0, boxes + 1))):
            side = float(rng.choice([10, 32, 60, 96, 150]))
            x, y = (float(rng.integers(0, 5)) * 12 for _ in range(2))
            wanted.append((plan, int(rng.integers(0, 2)), (x, y, side, float(rng.choice([side, side / 2])))))
        for _ in range(int(rng.integers(0, 3 * boxes + 1))):
            mine = [each for each in wanted if each[0] == plan]
            if mine and rng.random() < 0.8:
                _, label, (x, y, width, height) = mine[int(rng.integers(0, len(mine)))]
                shift = rng.choice([0.0, 1.0, 3.0, 8.0], size=4).tolist()
                box = (x + shift[0], y + shift[1], max(2.0, width + shift[2]), max(2.0, height - shift[3]))
            else:
                label, box = 0, (float(rng.integers(0, 50)), float(rng.integers(0, 50)), 20.0, 20.0)
            label = 1 - label if rng.random() < 0.1 else label
            guesses.append((plan, label, float(rng.integers(1, 8)) / 8, box))
    crowds = [index for index in range(len(wanted)) if rng.random() < 0.2]
    return truth_of(wanted, plans=plans + 1, crowds=crowds), found(*guesses)
