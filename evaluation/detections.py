"""A split's plans and true boxes, and a model's detections on them, as arrays over the whole split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from dataset_contract.coco import CocoDataset, Image

VALIDATION = "val"
"""The split on which thresholds are chosen."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is to be found on the plans of one split: m boxes."""

    plans: tuple[Image, ...]
    """By id."""
    classes: tuple[str, ...]
    """Names; everywhere in the evaluation a class is its index here."""
    annotation_ids: Integers
    """(m,) as in the split's file."""
    plan: Integers
    """(m,) indices of `plans`, ascending."""
    label: Integers
    """(m,) indices of `classes`."""
    boxes: Floats
    """(m, 4) x, y, width, height in pixels of the plan."""
    crowd: Booleans
    """(m,) iscrowd: neither to be found nor wrong to find."""

    @classmethod
    def of(cls, dataset: CocoDataset, classes: Sequence[str] | None = None) -> Truth:
        """The boxes of a split; only those of the `classes`, if they are named."""
        plans = tuple(sorted(dataset.images, key=lambda image: image.id))
        names = {category.id: category.name for category in dataset.categories}
        chosen = tuple(names[number] for number in sorted(names) if classes is None or names[number] in classes)
        plan_of, label_of = _positions([plan.id for plan in plans]), {name: index for index, name in enumerate(chosen)}
        boxes = [item for item in dataset.annotations if names[item.category_id] in label_of]
        boxes.sort(key=lambda item: plan_of[item.image_id])
        return cls(
            plans,
            chosen,
            np.array([item.id for item in boxes], dtype=np.int64),
            np.array([plan_of[item.image_id] for item in boxes], dtype=np.int64),
            np.array([label_of[names[item.category_id]] for item in boxes], dtype=np.int64),
            np.array([item.bbox for item in boxes], dtype=np.float64).reshape(-1, 4),
            np.array([item.iscrowd for item in boxes], dtype=np.bool_),
        )


@dataclass(frozen=True, slots=True)
class Detections:
    """What a model finds on the plans of one split: n boxes."""

    plan: Integers
    """(n,) indices of the split's plans, ascending; within a plan in the order of the source."""
    label: Integers
    """(n,) indices of the split's classes."""
    scores: Floats
    """(n,)"""
    boxes: Floats
    """(n, 4) x, y, width, height in pixels of the plan."""

    @classmethod
    def of(cls, plan: npt.ArrayLike, label: npt.ArrayLike, scores: npt.ArrayLike, boxes: npt.ArrayLike) -> Detections:
        """Detections in any order; those of a plan stay in the given order."""
        plans = np.asarray(plan, dtype=np.int64)
        order = np.argsort(plans, kind="stable")
        return cls(
            plans[order],
            np.asarray(label, dtype=np.int64)[order],
            np.asarray(scores, dtype=np.float64)[order],
            np.asarray(boxes, dtype=np.float64).reshape(-1, 4)[order],
        )

    def take(self, rows: Booleans | Integers) -> Detections:
        """Those of `rows`, which keep their order."""
        return Detections(self.plan[rows], self.label[rows], self.scores[rows], self.boxes[rows])

    def __len__(self) -> int:
        return len(self.plan)


@dataclass(frozen=True, slots=True)
class ModelDetections:
    """What one model found."""

    name: str
    splits: Mapping[str, Detections]
    """By split: that which is evaluated, and the validation split if it was predicted on too."""
    thresholds: Mapping[str, float]
    """By class, as the model says that its validation split gave them; empty if it does not."""
    unknown_classes: tuple[str, ...]
    """Names of the data set's classes that the model does not know."""
    further_classes: tuple[str, ...]
    """Names of the model's classes that the data set does not have."""

    def of_classes(self, all_classes: Sequence[str], chosen: Sequence[str]) -> ModelDetections:
        """Those of the `chosen` classes, with labels that are indices of these and no longer of `all_classes`."""
        label_of = np.array([chosen.index(name) if name in chosen else -1 for name in all_classes], dtype=np.int64)

        def narrowed(found: Detections) -> Detections:
            return replace(found, label=label_of[found.label]).take(label_of[found.label] >= 0)

        return replace(
            self,
            splits={split: narrowed(found) for split, found in self.splits.items()},
            thresholds={name: value for name, value in self.thresholds.items() if name in chosen},
            unknown_classes=tuple(name for name in self.unknown_classes if name in chosen),
        )


def rows_by_plan(plan: Integers, plans: int) -> list[slice]:
    """Which rows of an ascending array of plan indices belong to each of the `plans`."""
    ends = np.searchsorted(plan, np.arange(plans + 1))
    return [slice(int(start), int(end)) for start, end in pairwise(ends)]


def _positions(ids: Sequence[int]) -> dict[int, int]:
    return {number: index for index, number in enumerate(ids)}
