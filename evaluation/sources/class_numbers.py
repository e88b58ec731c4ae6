"""What the class numbers of a file mean: by the names that the person gives, or by the one reading that fits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np

from dataset_contract.class_names import class_name
from dataset_contract.findings import FindingLog, Severity
from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError
from dataset_prep.plural import pluralise
from dataset_prep.sources.source_files import SourceFolders
from dataset_prep.sources.yolo_names import names_in_yaml
from dataset_prep.sources.yolo_yaml import read_yaml
from evaluation.dataset import EvaluatedDataset
from evaluation.matching import match
from evaluation.metrics import best_f1
from evaluation.refusal import EvaluationError, EvaluationUsageError
from evaluation.sources.found_boxes import FoundBoxes

_FITS_FROM = 0.5
"""A reading fits if its F1 is at least this share of the best reading's."""
_MOST_PERMUTED = 3
"""Classes of which each order is tried."""


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names that the person gives to a file's classes."""

    by_number: Mapping[int, str]
    from_zero: bool
    """Whether the numbers are indices in data.yaml, from 0 on, so that the file may count from 1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One meaning of a file's class numbers."""

    names: Mapping[int, str]
    is_own: bool = False
    """By the data set's own ids."""

    def __str__(self) -> str:
        return ", ".join(f"{number} = {sanitise(name)}" for number, name in sorted(self.names.items()))


def parse_names(text: str) -> ClassNames:
    """`room,wall` in the order of data.yaml, `1:room,2:wall` by the file's numbers, or a data.yaml.

    Raises EvaluationUsageError, or EvaluationError if the data.yaml cannot be used.
    """
    path = Path(text)
    if path.suffix.lower() in (".yaml", ".yml"):
        found = FindingLog(split=None, file=path.name)
        try:
            names = names_in_yaml(read_yaml(path, SourceFolders([path.parent])), path, found)
        except PrepError as error:
            raise EvaluationError(str(error)) from None
        errors = [finding for finding in found.findings() if finding.severity is Severity.ERROR]
        if errors or not names:
            raise EvaluationError(errors[0].message if errors else f"{path} has no `names` of classes: add them.")
        return ClassNames(names, from_zero=True)
    parts = [part.strip() for part in text.split(",")]
    numbered = [part.partition(":") for part in parts]
    if all(colon and number.strip().isdecimal() and name.strip() for number, colon, name in numbered):
        by_number = {int(number): name.strip() for number, _, name in numbered}
    else:
        by_number = dict(enumerate(parts))
    if not all(parts) or len({class_name(name) for name in by_number.values()}) < len(parts):
        raise EvaluationUsageError(f"--names needs names, each once, as in room,wall or 1:room,2:wall, not {text!r}.")
    return ClassNames(by_number, from_zero=not all(colon for _, colon, _ in numbered))


def read_numbers(boxes: FoundBoxes, names: ClassNames | None, dataset: EvaluatedDataset, split: str) -> Reading:
    """What the numbers of a file mean. Raises EvaluationError if that is not certain."""
    numbers = sorted(set(boxes.numbers))
    own = dataset.class_ids(split)
    if names is not None and not names.from_zero:
        return _complete(boxes, numbers, [Reading(names.by_number)], names.by_number)
    if names is not None:
        shifted = [Reading({index + start: name for index, name in names.by_number.items()}) for start in boxes.starts]
        return _complete(boxes, numbers, shifted, names.by_number)
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
        "in the order of its data.yaml, such as --names NAME=room,wall or --names NAME=data.yaml."
    )


def _complete(boxes: FoundBoxes, numbers: list[int], readings: list[Reading], given: Mapping[int, str]) -> Reading:
    """The one reading that has a name for each number."""
    fitting = [reading for reading in readings if reading.names.keys() >= set(numbers)]
    if len(fitting) == 1:
        return fitting[0]
    shown = ", ".join(map(str, numbers[:10]))
    if fitting:
        raise EvaluationError(
            f"{boxes.file} has only the class numbers {shown}, which may count from 0 or from 1: give each number its "
            f"name, such as --names NAME={numbers[0]}:{sanitise(next(iter(given.values())))}."
        )
    raise EvaluationError(
        f"{boxes.file} has the class numbers {shown}, and --names gives {pluralise(len(given), 'name', 'names')}: name "
        "all classes of the model in the order of its data.yaml."
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
    detections = boxes.split(split, {number: truth.classes.index(name) for number, name in reading.names.items()})
    matches = match(truth, detections, {"all": (0, 1e10)})["all"]
    scores = np.concatenate([found.scores[~found.ignored[0]] for found in matches])
    hits = np.concatenate([found.hits[0][~found.ignored[0]] for found in matches])
    return best_f1(scores, hits, sum(int(found.boxes.sum()) for found in matches)).f1
