"""Finds walls and rooms on a plan with a trained model.

    from prediction.predictor import Predictor
    detections = Predictor.load("model").predict("plan.png")

Travels in model.tar.gz under code/, with what it imports.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from image_reader.decoding import upright_rgb
from prediction.detection import detect
from prediction.image_tensors import model_input
from prediction.model_folder import LoadedModel, ModelError, load_model


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

    def __init__(self, loaded: LoadedModel, device: str = "cpu") -> None:
        """Raises ModelError: PyTorch cannot use the device here."""
        try:
            self._loaded, self._model = loaded, loaded.model.to(device).eval()
        except (RuntimeError, AssertionError) as error:  # the latter is what PyTorch without CUDA raises
            reason = str(error).splitlines()[0]
            raise ModelError(f"PyTorch cannot use the device {device!r} here ({reason}): give device='cpu'.") from error

    @classmethod
    def load(cls, folder: Path | str, device: str = "cpu") -> "Predictor":
        """Load what a training job wrote (the unpacked content of model.tar.gz).

        Raises:
            ModelError: a file is missing, damaged or of another format, or PyTorch cannot use the device here.
        """
        return cls(load_model(Path(folder)), device)

    def predict(self, image: Image.Image | Path | str, *, threshold: float | None = None) -> list[Detection]:
        """What is found on `image`, an image file's path or an opened image, best first.

        A detection counts from the score on that gave its class the best F1 on the validation split; `threshold`
        replaces that for all classes, and with 0 every detection is given, as many as the model has queries.
        The image is taken as the preparation takes it: upright, on white, in 8 bits. Boxes are in pixels of the upright
        image, and within it.

        Raises:
            ImageError: the file of `image` cannot be read or decoded.
        """
        image = upright_rgb(image)
        image_3HW = model_input(image, self._loaded.short_side, self._loaded.max_side)
        classes, thresholds = self._loaded.classes, self._loaded.thresholds
        found = detect(self._model, image_3HW, image.size, classes)
        return [
            Detection(classes[label], score, (box[0], box[1], box[2], box[3]))
            for label, score, box in zip(
                found["labels"].tolist(), found["scores"].tolist(), found["boxes"].tolist(), strict=True
            )
            if score >= (thresholds.get(label, 0.0) if threshold is None else threshold)
        ]
