"""Finds walls and rooms on a plan with a trained model.

    from prediction.predictor import Predictor
    detections = Predictor.load("model").predict("plan.png")

Travels in model.tar.gz under code/, with what it imports.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from image_reader.decoding import upright_rgb
from prediction.backends.backend import Backend
from prediction.backends.choice import AUTO, open_backend
from prediction.detection import best_detections
from prediction.image_tensors import resized_pixels
from prediction.model_folder import ModelSettings, read_settings


@dataclass(frozen=True, slots=True)
class Detection:
    """One object found on an image."""

    label: str
    """Class name."""
    score: float
    """Confidence in 0..1."""
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in pixels of the image."""


class Predictor:
    """A trained model, ready for images."""

    def __init__(self, settings: ModelSettings, backend: Backend) -> None:
        """`backend` runs the model whose config.json gave `settings`."""
        self.settings, self.backend = settings, backend

    @classmethod
    def load(cls, folder: Path | str, device: str | None = None, *, backend: str = AUTO) -> "Predictor":
        """Load what a training job wrote (the unpacked content of model.tar.gz).

        `backend` and `device` say what runs it and where; unless they are given, the fastest that is there.

        Raises:
            ModelError: a file is missing, damaged or of another format, or the backend or device is not there.
        """
        settings = read_settings(Path(folder))
        return cls(settings, open_backend(Path(folder), settings, name=backend, device=device))

    def predict(self, image: Image.Image | Path | str, *, threshold: float | None = None) -> list[Detection]:
        """What is found on `image`, an image file's path or an opened image, best first.

        A detection counts from the score on that gave its class the best F1 on the validation split; `threshold`
        replaces that for all classes, and with 0 every detection is given, as many as the model has queries.
        The image is taken as the preparation takes it: upright, on white, in 8 bits. Boxes are in pixels of the upright
        image, and within it.

        Raises:
            ImageError: the file of `image` cannot be read or decoded.
            ModelError: model.onnx is not what config.json says.
        """
        image = upright_rgb(image)
        settings = self.settings
        logits_QC, boxes_Q4 = self.backend.run(resized_pixels(image, settings.short_side, settings.max_side))
        found = best_detections(logits_QC, boxes_Q4, image.size, settings.classes)
        return [
            Detection(settings.classes[label], score, (box[0], box[1], box[2], box[3]))
            for score, label, box in zip(*(column.tolist() for column in found), strict=True)
            if score >= (settings.thresholds.get(label, 0.0) if threshold is None else threshold)
        ]
