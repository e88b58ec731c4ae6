"""What the class numbers of a file mean: by the names that the person gives, or by the one reading that fits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from dataset_contract.sanitise import sanitise
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import Detections
from evaluation.matching import match
from evaluation.metrics import best_f1
from evaluation.refusal import EvaluationError
from evaluation.results.found_boxes import FoundBoxes
from evaluation.results.given_names import ClassNames

_FITS_FROM = 0.5
"""A reading fits if its F1 is at least this share of the best reading's."""
_MOST_PERMUTED = 3
"""Classes of which each order is tried."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One meaning of a file's class numbers."""

    names: Mapping[int, str]
    is_own: bool = False
    """By the data set's own ids."""

    def __str__(self) -> str:
        return ", ".join(f"{number} = {sanitise(name)}" for number, name in sorted(self.names.items()))


def read_numbers(
    boxes: FoundBoxes, names: ClassNames | None, dataset: EvaluatedDataset, split: str, *, how_to_name: str
) -> Reading:
    """What the numbers of a file mean. Raises EvaluationError if that is not certain, which says `how_to_name` them."""
    numbers = sorted(set(boxes.numbers))
    own = dataset.class_ids(split)
    if names is not None and not names.from_zero:
        return _complete(boxes, numbers, [Reading(names.by_number)], names.by_number, how_to_name)
    if names is not None:
        shifted = [Reading({index + start: name for index, name in names.by_number.items()}) for start in boxes.starts]
        return _complete(boxes, numbers, shifted, names.by_number, how_to_name)
    readings = list(_possible(boxes, numbers, own))
    if [reading.is_own for reading in readings] == [True]:
        return readings[0]
    f1 = [_f1(boxes, reading, dataset, split) for reading in readings]
    fitting = [reading for reading, each in zip(readings, f1, strict=True) if each > 0 and each >= _FITS_FROM * max(f1)]
    if len(fitting) == 1 and fitting[0].is_own:
        return fitting[0]
    shown = "; ".join(f"F1 {each:.3f} if {reading}" for reading, each in zip(readings, f1, strict=True))
    shown = f" ({shown})" if shown else ""
    raise EvaluationError(
        f"{boxes.file} has class numbers ({', '.join(map(str, numbers[:10]))}) and no names{shown}: name its classes "
        f"in the order of its data.yaml, {how_to_name}."
    )


def _complete(
    boxes: FoundBoxes, numbers: list[int], readings: list[Reading], given: Mapping[int, str], how_to_name: str
) -> Reading:
    """The one reading that has a name for each number."""
    fitting = [reading for reading in readings if reading.names.keys() >= set(numbers)]
    if len(fitting) == 1:
        return fitting[0]
    shown = ", ".join(map(str, numbers[:10]))
    if fitting:
        raise EvaluationError(
            f"{boxes.file} has only the class numbers {shown}, which may count from 0 or from 1: give each number its "
            f"name, as in {numbers[0]}:{sanitise(next(iter(given.values())))}, {how_to_name}."
        )
    raise EvaluationError(
        f"{boxes.file} has the class numbers {shown}, counted from {' or '.join(map(str, boxes.starts))}, and "
        f"{_given(given)}: name all classes of the model in the order of its data.yaml, {how_to_name}, or each number, "
        f"as in {numbers[0]}:{sanitise(next(iter(given.values())))}."
    )


def _given(names: Mapping[int, str]) -> str:
    return "1 name is given" if len(names) == 1 else f"{len(names):,} names are given"


def boxes_on(boxes: FoundBoxes, split: str, label_of: Mapping[int, int]) -> Detections:
    """The boxes on the plans of `split` whose class number is in `label_of`."""
    rows = [
        row
        for row, (place, number) in enumerate(zip(boxes.places, boxes.numbers, strict=True))
        if place.split == split and number in label_of
    ]
    return Detections.of(
        [boxes.places[row].index for row in rows],
        [label_of[boxes.numbers[row]] for row in rows],
        [boxes.scores[row] for row in rows],
        [boxes.boxes[row] for row in rows],
    )


def _possible(boxes: FoundBoxes, numbers: Collection[int], own: Mapping[int, str]) -> Iterator[Reading]:
    """Each meaning that the numbers may have among the data set's classes, its own ids first."""
    seen: list[dict[int, str]] = []
    if boxes.own_ids and set(numbers) <= own.keys():
        seen.append({number: own[number] for number in numbers})
        yield Reading(seen[0], is_own=True)
    names = [own[number] for number in sorted(own)]
    orders = permutations(names) if len(names) <= _MOST_PERMUTED else iter([tuple(names)])
    for order in orders:
        for start in boxes.starts:
            if all(start <= number < start + len(names) for number in numbers):
                reading = {number: order[number - start] for number in numbers}
                if reading not in seen:
                    seen.append(reading)
                    yield Reading(reading)


def _f1(boxes: FoundBoxes, reading: Reading, dataset: EvaluatedDataset, split: str) -> float:
    """The best F1 over all thresholds of all classes, if the numbers mean that."""
    truth = dataset.truth(split)
    detections = boxes_on(boxes, split, {number: truth.classes.index(name) for number, name in reading.names.items()})
    matches = match(truth, detections, {"all": (0, 1e10)})["all"]
    scores = np.concatenate([found.scores[~found.ignored[0]] for found in matches])
    hits = np.concatenate([found.hits[0][~found.ignored[0]] for found in matches])
    return best_f1(scores, hits, sum(int(found.boxes.sum()) for found in matches)).f1
