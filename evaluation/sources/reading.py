"""Reads what a model found on the splits of a data set, from wherever it is."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dataset_contract.class_names import class_name
from dataset_contract.sanitise import sanitise
from dataset_prep.progress import phase
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import VALIDATION, Detections, ModelDetections, Truth
from evaluation.refusal import EvaluationError
from evaluation.sources.class_numbers import ClassNames, read_numbers
from evaluation.sources.found_boxes import FoundBoxes, check_not_empty
from evaluation.sources.label_files import read_label_files
from evaluation.sources.results_file import read_results_file
from evaluation.sources.trained_model import CONFIG, TrainedModel, load_trained_model, predict_plans
from prediction.places.download import S3, download
from prediction.places.errors import PlaceError
from terminal.console import Terminal

_WEIGHTS = "model.safetensors"


def read_model(
    name: str,
    sources: Sequence[str],
    names: ClassNames | None,
    dataset: EvaluatedDataset,
    split: str,
    *,
    needs_validation: bool,
    console: Terminal,
) -> ModelDetections:
    """The detections of the model `name`, of all classes of the data set.

    `sources` are paths or s3://... of a trained model, or of files with its results, each on plans of their own.
    Raises EvaluationError.
    """
    with tempfile.TemporaryDirectory(prefix="evaluation-") as scratch:
        parts = [_Source(source, Path(scratch) / str(number)) for number, source in enumerate(sources)]
        try:
            if not any(part.is_trained_model for part in parts):
                return _from_files(name, [part.read_file(dataset) for part in parts], names, dataset, split)
            if len(parts) > 1:
                raise EvaluationError(f"The model {name} is a trained model and something else: name each of its own.")
            return _predict(name, parts[0], dataset, split, needs_validation=needs_validation, console=console)
        except EvaluationError as error:
            message = str(error)
            for part in parts:
                message = part.with_its_name(message)
            raise EvaluationError(message) from None


class _Source:
    """A path, or what was downloaded of s3://... into `scratch`."""

    def __init__(self, source: str, scratch: Path) -> None:
        self.name, self.scratch = source, scratch
        scratch.mkdir()
        try:
            self.path = download(source, scratch / "download") if source.startswith(S3) else Path(source)
        except PlaceError as error:
            raise EvaluationError(str(error)) from None
        if not self.path.exists():
            raise EvaluationError(f"{source} does not exist: give a model.tar.gz, its folder, or a file of results.")

    @property
    def is_trained_model(self) -> bool:
        if self.path.is_dir():
            return any((self.path / name).exists() for name in (CONFIG, _WEIGHTS))
        return self.path.name.lower().endswith((".tar.gz", ".tgz"))

    def with_its_name(self, message: str) -> str:
        """The message with s3://... in the place of the path that it was downloaded to."""
        return message.replace(str(self.path), self.name) if self.path.is_relative_to(self.scratch) else message

    def read_file(self, dataset: EvaluatedDataset) -> FoundBoxes:
        if not self.path.is_dir():
            return read_results_file(self.path, dataset)
        inner = self.path / "labels"  # beside it are Ultralytics' plots
        return read_label_files(inner if inner.is_dir() else self.path, dataset)


def _predict(
    name: str, source: _Source, dataset: EvaluatedDataset, split: str, *, needs_validation: bool, console: Terminal
) -> ModelDetections:
    model = load_trained_model(source.path, source.scratch)
    splits = [split]
    if needs_validation and split != VALIDATION and not model.thresholds and VALIDATION in dataset.splits:
        splits.append(VALIDATION)
    found = {each: _predict_split(name, model, dataset, each, console) for each in splits}
    names = dataset.class_ids(split).values()
    return _result(name, found, _thresholds(model, names), model.classes, dataset.truth(split))


def _predict_split(
    name: str, model: TrainedModel, dataset: EvaluatedDataset, split: str, console: Terminal
) -> Detections:
    truth = dataset.truth(split)
    by_class = {class_name(each): index for index, each in enumerate(truth.classes)}
    label_of = {each: by_class[class_name(each)] for each in model.classes if class_name(each) in by_class}
    with phase(console, f"{name} on {split}", len(truth.plans), "plans") as advance:
        return predict_plans(model, truth.plans, dataset.root / split, label_of, advance)


def _thresholds(model: TrainedModel, names: Collection[str]) -> dict[str, float]:
    own = {class_name(name): threshold for name, threshold in model.thresholds.items()}
    return {name: own[class_name(name)] for name in names if class_name(name) in own}


def _from_files(
    name: str, files: Sequence[FoundBoxes], names: ClassNames | None, dataset: EvaluatedDataset, split: str
) -> ModelDetections:
    boxes = _joined(name, files)
    check_not_empty(boxes, split)
    reading = read_numbers(boxes, names, dataset, split).names
    labels = {class_name(each): index for index, each in enumerate(dataset.truth(split).classes)}
    label_of = {number: labels[class_name(each)] for number, each in reading.items() if class_name(each) in labels}
    covered = {place.split for place in boxes.places}
    found = {each: boxes.split(each, label_of) for each in sorted(covered)}
    # Without names, the data set's own are meant: that no number stands for one of them says nothing.
    known = tuple(reading.values()) if names is not None else tuple(dataset.class_ids(split).values())
    return _result(name, found, {}, known, dataset.truth(split))


def _joined(name: str, files: Sequence[FoundBoxes]) -> FoundBoxes:
    """The detections of all files, which are on different plans and in one format."""
    joined = replace(files[0], file=" and ".join(each.file for each in files))
    for each in files[1:]:
        if (each.starts, each.own_ids) != (joined.starts, joined.own_ids):
            raise EvaluationError(f"{joined.file}, of the model {name}, differ in format: write them by one program.")
        twice = {place.image.id for place in joined.places} & {place.image.id for place in each.places}
        if twice:
            raise EvaluationError(
                f"{joined.file} both have the plan {min(twice)}, as the model {name}: give each plan's results once."
            )
        joined.places.extend(each.places)
        joined.numbers.extend(each.numbers)
        joined.scores.extend(each.scores)
        joined.boxes.extend(each.boxes)
    return joined


def _result(
    name: str, found: Mapping[str, Detections], thresholds: Mapping[str, float], known: Collection[str], truth: Truth
) -> ModelDetections:
    names = truth.classes
    theirs, ours = {class_name(each) for each in known}, {class_name(each) for each in names}
    if not theirs & ours:
        raise EvaluationError(
            f"The model {name} knows none of the data set's classes ({', '.join(map(sanitise, names))}), but "
            f"{', '.join(map(sanitise, known))}: name its classes as the data set does, with --names."
        )
    return ModelDetections(
        name,
        found,
        thresholds,
        tuple(each for each in names if class_name(each) not in theirs),
        tuple(each for each in known if class_name(each) not in ours),
    )
