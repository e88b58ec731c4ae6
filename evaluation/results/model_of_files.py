"""One model's detections out of its results files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dataset_contract.class_names import class_name
from dataset_contract.sanitise import sanitise
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import Detections, ModelDetections, Truth
from evaluation.refusal import EvaluationError
from evaluation.results.class_numbers import boxes_on, read_numbers
from evaluation.results.found_boxes import FoundBoxes, check_not_empty, joined
from evaluation.results.given_names import ClassNames


def model_of_files(
    name: str,
    files: Sequence[FoundBoxes],
    names: ClassNames | None,
    dataset: EvaluatedDataset,
    split: str,
    *,
    how_to_name: str,
) -> ModelDetections:
    """The detections of the model `name` in files with results, each on plans of their own.

    Raises EvaluationError, which says `how_to_name` classes where their numbers are not certain.
    """
    boxes = joined(name, files)
    check_not_empty(boxes, split)
    reading = read_numbers(boxes, names, dataset, split, how_to_name=how_to_name).names
    labels = {class_name(each): index for index, each in enumerate(dataset.truth(split).classes)}
    label_of = {number: labels[class_name(each)] for number, each in reading.items() if class_name(each) in labels}
    covered = {place.split for place in boxes.places}
    found = {each: boxes_on(boxes, each, label_of) for each in sorted(covered)}
    # Without names, the data set's own are meant: that no number stands for one of them says nothing.
    known = tuple(reading.values()) if names is not None else tuple(dataset.class_ids(split).values())
    return model_detections(name, found, {}, known, dataset.truth(split), how_to_name=how_to_name)


def model_detections(
    name: str,
    found: Mapping[str, Detections],
    thresholds: Mapping[str, float],
    known: Collection[str],
    truth: Truth,
    *,
    how_to_name: str,
) -> ModelDetections:
    """Of a model that knows the classes `known`. Raises EvaluationError if the data set has none of them."""
    names = truth.classes
    theirs, ours = {class_name(each) for each in known}, {class_name(each) for each in names}
    if not theirs & ours:
        raise EvaluationError(
            f"The model {name} knows none of the data set's classes ({', '.join(map(sanitise, names))}), but "
            f"{', '.join(map(sanitise, known))}: name its classes as the data set does, {how_to_name}."
        )
    return ModelDetections(
        name,
        found,
        thresholds,
        tuple(each for each in names if class_name(each) not in theirs),
        tuple(each for each in known if class_name(each) not in ours),
    )
