"""From which confidence on a detection counts, unless a person says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from prediction.model_folder import ModelSettings

if TYPE_CHECKING:
    from PIL import Image

    from prediction.predictor import Detection, Predictor
    from prediction.tiled import Predict

USUAL_THRESHOLD = 0.3
"""Of a class whose threshold the model does not tell."""


def own_thresholds(settings: ModelSettings) -> dict[str, float]:
    """The model's thresholds by class name; 0 where it does not tell one."""
    return {name: settings.thresholds.get(number, 0.0) for number, name in settings.classes.items()}


def usual_thresholds(settings: ModelSettings) -> dict[str, float]:
    """The model's thresholds by class name, with the usual one where it does not tell one."""
    return {name: threshold or USUAL_THRESHOLD for name, threshold in own_thresholds(settings).items()}


def counting(predictor: Predictor, thresholds: Mapping[str, float]) -> Predict:
    """What predict_tiled() asks for: the detections at or above the thresholds by class name."""

    def predict(picture: Image.Image) -> tuple[Sequence[Detection], bool]:
        found = predictor.predict(picture, threshold=0.0)
        kept = [each for each in found if each.score >= thresholds[each.label]]
        return kept, len(kept) == len(found)

    return predict
