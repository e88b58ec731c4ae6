"""Finds walls and rooms on a plan with a trained model.

    from prediction.predictor import Predictor
    detections = Predictor.load(Path("model")).predict(Image.open("plan.png"))

Travels in model.tar.gz under code/, with what it imports.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from image_reader.decoding import upright_rgb
from prediction.image_tensors import image_to_tensor, pad_to_batch, resized_size
from prediction.model_folder import LoadedModel, load_model
from training_code.dino.post_processing import post_process


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
        self._loaded, self._model = loaded, loaded.model.to(device).eval()

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> "Predictor":
        """Load what a training job wrote (the content of model.tar.gz).

        Raises:
            ModelError: a file is missing, damaged or of another format.
        """
        return cls(load_model(folder), device)

    @torch.inference_mode()
    def predict(self, image: Image.Image) -> list[Detection]:
        """Everything found on `image`, best first; choose a score to cut at yourself.

        The image is taken as the preparation takes it: upright, on white, in 8 bits. Boxes are in pixels of the upright
        image, and within it.

        Raises:
            ImageError: `image` was opened from a file that cannot be decoded.
        """
        image = upright_rgb(image)
        size = resized_size(image.size, self._loaded.short_side, self._loaded.max_side)
        resized = image.resize(size, Image.Resampling.BILINEAR)
        images_B3HW, mask_BHW = pad_to_batch([image_to_tensor(resized)])
        device = next(self._model.parameters()).device
        outputs = self._model(images_B3HW.to(device), mask_BHW.to(device))
        size_12 = torch.tensor([[image.height, image.width]], device=device)
        [found] = post_process(outputs, size_12, self._model.config.num_select)
        edge = torch.tensor([image.width, image.height] * 2)
        boxes = found["boxes"].cpu().clamp(min=torch.zeros(4), max=edge)
        classes = self._loaded.classes
        return [
            Detection(classes[label], score, (box[0], box[1], box[2], box[3]))
            for label, score, box in zip(
                found["labels"].tolist(), found["scores"].tolist(), boxes.tolist(), strict=True
            )
            if label in classes
        ]
