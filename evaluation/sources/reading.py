"""Reads what a model found on the splits of a data set, from wherever it is."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from dataset_contract.class_names import class_name
from dataset_contract.sanitise import sanitise
from dataset_prep.progress import phase
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import VALIDATION, Detections, ModelDetections
from evaluation.refusal import EvaluationError
from evaluation.results.found_boxes import FoundBoxes
from evaluation.results.given_names import ClassNames
from evaluation.results.model_of_files import model_detections, model_of_files
from evaluation.results.results_file import read_results_file
from evaluation.sources.label_files import read_label_files
from evaluation.sources.trained_model import CONFIG, TrainedModel, load_trained_model, predict_plans
from prediction.places.download import S3, download
from prediction.places.errors import PlaceError
from terminal.console import Terminal

_WEIGHTS = "model.safetensors"
HOW_TO_NAME = "such as --names NAME=room,wall or --names NAME=data.yaml"
"""The end of a sentence that asks for names."""


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
                files = [part.read_file(dataset) for part in parts]
                return model_of_files(name, files, names, dataset, split, how_to_name=HOW_TO_NAME)
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
        try:
            self.path.stat()
        except FileNotFoundError:
            raise EvaluationError(
                f"{source} does not exist: give a model.tar.gz, its folder, or a file of results."
            ) from None
        except OSError as error:
            raise _cannot_be_read(source, error) from None

    @property
    def is_trained_model(self) -> bool:
        if not self.path.is_dir():
            return self.path.name.lower().endswith((".tar.gz", ".tgz"))
        try:
            return any((self.path / name).exists() for name in (CONFIG, _WEIGHTS))
        except OSError as error:
            raise _cannot_be_read(self.name, error) from None

    def with_its_name(self, message: str) -> str:
        """The message with s3://... in the place of the path that it was downloaded to."""
        return message.replace(str(self.path), self.name) if self.path.is_relative_to(self.scratch) else message

    def read_file(self, dataset: EvaluatedDataset) -> FoundBoxes:
        if not self.path.is_dir():
            return read_results_file(self.path, dataset.plans)
        inner = self.path / "labels"  # beside it are Ultralytics' plots
        return read_label_files(inner if inner.is_dir() else self.path, dataset.plans)


def _cannot_be_read(source: str, error: OSError) -> EvaluationError:
    return EvaluationError(f"{source} cannot be read ({sanitise(error.strerror or error)}).")


def _predict(
    name: str, source: _Source, dataset: EvaluatedDataset, split: str, *, needs_validation: bool, console: Terminal
) -> ModelDetections:
    model = load_trained_model(source.path, source.scratch)
    splits = [split]
    if needs_validation and split != VALIDATION and not model.thresholds and VALIDATION in dataset.splits:
        splits.append(VALIDATION)
    found = {each: _predict_split(name, model, dataset, each, console) for each in splits}
    names = dataset.class_ids(split).values()
    own = _thresholds(model, names)
    return model_detections(name, found, own, model.classes, dataset.truth(split), how_to_name=HOW_TO_NAME)


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
