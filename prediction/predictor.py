"""Finds walls and rooms on a plan with a trained model.

    from prediction.predictor import Predictor
    detections = Predictor.load(Path("model")).predict(Image.open("plan.png"))

Travels in model.tar.gz under code/, with what it imports.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from prediction.image_tensors import image_to_tensor, pad_to_batch, resized_size
from training_code.config import ConfigError, ModelConfig
from training_code.dino.model import DINO, build_model
from training_code.dino.post_processing import post_process

MODEL_FORMAT = "floorplan-dino-model/1"


class ModelError(Exception):
    """A model folder that cannot be used; the message is one sentence."""


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

    def __init__(self, model: DINO, classes: Mapping[int, str], *, short_side: int, max_side: int) -> None:
        """`classes` are names by category id; images are resized to `short_side`, at most `max_side` long."""
        self._model = model.eval()
        self._classes = classes
        self._short_side, self._max_side = short_side, max_side

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> "Predictor":
        """Load what a training job wrote (the content of model.tar.gz).

        Raises:
            ModelError: a file is missing, damaged or of another format.
        """
        try:
            config = json.loads((folder / "config.json").read_bytes())
            if config["format"] != MODEL_FORMAT:
                raise ModelError(f"{folder / 'config.json'} has the format {config['format']!r}, not {MODEL_FORMAT!r}.")
            model = build_model(_model_config(config["model"]))
            weights = load_file(folder / "model.safetensors")
            if weights.keys() != weights_by_name(model).keys():
                raise ValueError("model.safetensors and config.json do not belong together")
            model.load_state_dict(weights, strict=False)  # not strict: a shared tensor has several names there
            classes = {int(item["id"]): str(item["name"]) for item in config["classes"]}
            image = config["image"]
            predictor = cls(
                model.to(device), classes, short_side=int(image["short_side"]), max_side=int(image["max_side"])
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ConfigError) as error:
            raise ModelError(
                f"{folder} does not hold a model that can be loaded ({type(error).__name__}: {error});"
                " unpack model.tar.gz again."
            ) from error
        return predictor

    @torch.inference_mode()
    def predict(self, image: Image.Image) -> list[Detection]:
        """Everything found on `image`, best first, boxes within the image; choose a score to cut at yourself."""
        image = image.convert("RGB")
        resized = image.resize(resized_size(image.size, self._short_side, self._max_side), Image.Resampling.BILINEAR)
        images_B3HW, mask_BHW = pad_to_batch([image_to_tensor(resized)])
        device = next(self._model.parameters()).device
        outputs = self._model(images_B3HW.to(device), mask_BHW.to(device))
        size = torch.tensor([[image.height, image.width]], device=device)
        [found] = post_process(outputs, size, self._model.config.num_select)
        edge = torch.tensor([image.width, image.height] * 2)
        boxes = found["boxes"].cpu().clamp(min=torch.zeros(4), max=edge)
        return [
            Detection(self._classes[label], score, (box[0], box[1], box[2], box[3]))
            for label, score, box in zip(
                found["labels"].tolist(), found["scores"].tolist(), boxes.tolist(), strict=True
            )
            if label in self._classes
        ]


def weights_by_name(model: nn.Module) -> dict[str, Tensor]:
    """Every tensor of `model` once: unlike its state_dict, which names a shared one several times.

    Row by row, whatever their layout in memory, so that files are too.
    """
    tensors = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}
    return tensors | dict(model.named_buffers())


def _model_config(values: Mapping[str, Any]) -> ModelConfig:
    if unknown := set(values) - {field.name for field in fields(ModelConfig)}:
        raise ValueError(f"unknown model setting {min(unknown)!r}")
    arguments: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    return ModelConfig(**arguments)
