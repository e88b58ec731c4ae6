"""Predicts with a trained model, plan by plan, as whoever uses the model does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataset_contract.coco import Image
from evaluation.detections import Detections
from evaluation.refusal import EvaluationError
from prediction.places.errors import PlaceError
from prediction.places.model import model_folder

if TYPE_CHECKING:
    from prediction.predictor import Predictor


CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model, ready to predict."""

    predictor: Predictor
    classes: tuple[str, ...]
    thresholds: Mapping[str, float]
    """By class, the confidence with the best F1 on the validation split of its training; empty if it does not tell."""


def load_trained_model(path: Path, scratch: Path) -> TrainedModel:
    """The model in a folder or a model.tar.gz, which is unpacked into `scratch`. Raises EvaluationError."""
    try:
        folder = model_folder(path, scratch)
    except PlaceError as error:
        raise EvaluationError(str(error)) from None
    if not (folder / CONFIG).is_file():
        raise EvaluationError(
            f"{path} holds no {CONFIG}, so it is not a model of this project: give a model.tar.gz as a training job "
            "writes it, or the folder that it unpacks to."
        )
    from prediction.model_folder import ModelError  # noqa: PLC0415  results files do without
    from prediction.predictor import Predictor  # noqa: PLC0415

    try:
        predictor = Predictor.load(folder)
    except ModelError as error:
        raise EvaluationError(str(error).replace(str(folder), str(path))) from None
    settings = predictor.settings
    known = all(settings.thresholds.get(number, 0.0) > 0 for number in settings.classes)
    thresholds = {name: settings.thresholds[number] for number, name in settings.classes.items()} if known else {}
    return TrainedModel(predictor, tuple(settings.classes.values()), thresholds)


def predict_plans(
    model: TrainedModel, plans: Sequence[Image], folder: Path, label_of: Mapping[str, int], advance: Callable[[], None]
) -> Detections:
    """All detections of the classes `label_of` on plans of the split in `folder`. Raises EvaluationError."""
    from image_reader.header import ImageError  # noqa: PLC0415  see load_trained_model

    rows: list[tuple[int, int, float, tuple[float, float, float, float]]] = []
    for index, plan in enumerate(plans):
        try:
            found = model.predictor.predict(folder / plan.file_name, threshold=0)
        except ImageError as error:
            raise EvaluationError(f"{folder / plan.file_name} cannot be predicted on: {error}") from None
        for each in found:
            if (label := label_of.get(each.label)) is not None:
                x0, y0, x1, y1 = each.box
                rows.append((index, label, each.score, (x0, y0, x1 - x0, y1 - y0)))
        advance()
    return Detections.of(
        [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows]
    )
