"""The model that the command line names, ready to predict with its thresholds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dataset_contract.class_names import class_name
from dataset_contract.sanitise import sanitise, short
from prediction.backends.onnx_file import ONNX_NAME
from prediction.command.errors import PredictionError, PredictionUsageError
from prediction.model_folder import ModelError
from prediction.places.errors import PlaceError
from prediction.places.model import model_folder
from prediction.predictor import Detection, Predictor
from prediction.thresholds import USUAL_THRESHOLD, counting, own_thresholds
from prediction.tiling import auto_side

RUN = "run:"


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the command uses it."""

    predictor: Predictor
    classes: Mapping[int, str]
    thresholds: Mapping[str, float]
    """By class: from which confidence on a box counts."""
    max_side: int
    """Pixels that the long side of a picture is resized to at most."""
    digest: str
    """SHA-256 of the model's files."""
    notes: Sequence[str]
    """Sentences about it."""

    def predict(self, picture: Image.Image) -> tuple[Sequence[Detection], bool]:
        """See prediction.tiled.Predict."""
        return counting(self.predictor, self.thresholds)(picture)

    def tile_side(self, size: tuple[int, int], tile: int | str) -> int:
        """The side in pixels of the tiles of a plan of `size`, by `--tile`; 0 to take it as a whole."""
        if isinstance(tile, int):
            return tile
        return auto_side(size, self.max_side) if tile == "auto" else 0


def open_model(place: str, scratch: Path, *, backend: str, score: float | Mapping[str, float] | None) -> Model:
    """The model at `place`, downloaded or unpacked to `scratch`. Raises PredictionError or PredictionUsageError."""
    try:
        folder = model_folder(_artifact_of(place) if place.startswith(RUN) else place, scratch)
    except PlaceError as error:
        raise PredictionError(str(error)) from None
    try:
        predictor = Predictor.load(folder, backend=backend)
    except ModelError as error:
        named = folder.is_relative_to(scratch)
        raise PredictionError(str(error).replace(str(folder), place) if named else str(error)) from None
    settings = predictor.settings
    thresholds, notes = _thresholds(own_thresholds(settings), score)
    return Model(predictor, settings.classes, thresholds, settings.max_side, _digest(folder, predictor), notes)


def _thresholds(
    own: Mapping[str, float], score: float | Mapping[str, float] | None
) -> tuple[dict[str, float], list[str]]:
    if isinstance(score, float):
        return dict.fromkeys(own, score), []
    asked = {class_name(name): value for name, value in (score or {}).items()}
    known = {class_name(name) for name in own}
    for name in score or {}:
        if class_name(name) not in known:
            raise PredictionUsageError(
                f"--score names {short(name)}, but the model has {', '.join(map(sanitise, own))}."
            )
    thresholds = {name: asked.get(class_name(name), threshold) for name, threshold in own.items()}
    silent = [name for name, threshold in thresholds.items() if not threshold and class_name(name) not in asked]
    if not silent:
        return thresholds, []
    note = (
        f"The model tells no threshold for {', '.join(map(sanitise, silent))}: boxes count from {USUAL_THRESHOLD} on; "
        "--score says otherwise."
    )
    return thresholds | dict.fromkeys(silent, USUAL_THRESHOLD), [note]


def _digest(folder: Path, predictor: Predictor) -> str:
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors" if predictor.backend.name == "torch" else ONNX_NAME):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _artifact_of(place: str) -> str:
    """s3://... of the model that a run of the deployed pipeline made. Raises PredictionError."""
    from runs.aws_session import open_session  # noqa: PLC0415  boto3 takes a second, and most models are on disk
    from runs.deployed_stack import STACK, find_stack  # noqa: PLC0415
    from runs.errors import AWS_ERRORS, RunsError, sentence_of  # noqa: PLC0415
    from runs.executions import find_run  # noqa: PLC0415
    from runs.state_input import text  # noqa: PLC0415

    try:
        session = open_session()
        stack = find_stack(session, STACK)
        run = find_run(session.client("stepfunctions"), stack.state_machine_arn, place.removeprefix(RUN) or None)
    except RunsError as error:
        raise PredictionError(str(error)) from None
    except AWS_ERRORS as error:
        raise PredictionError(sentence_of(error)) from None
    if artifact := text(run.state_input, "outcome", "artifact_uri"):
        return artifact
    raise PredictionError(f"The run {run.name} has no model: it is {run.status}, {run.summary}.")
