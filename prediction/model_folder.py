"""Loads a trained model from a folder: config.json and model.safetensors, as a training job writes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from dataset_contract.bounded_json import parse_bounded
from dataset_contract.sanitise import sanitise, short
from training_code.config_checks import ConfigError
from training_code.dino.model import DINO, build_model
from training_code.model_config import ModelConfig

MODEL_FORMAT = "floorplan-dino-model/1"
"""What config.json gives as `format`."""


class ModelError(Exception):
    """A model folder that cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model, and what it takes to use it."""

    model: DINO
    classes: Mapping[int, str]
    """Names by category id."""
    short_side: int
    """Pixels that the short side of an image is resized to."""
    max_side: int
    """Pixels that its long side has at most."""
    thresholds: Mapping[int, float] = field(default_factory=dict)
    """By category id, the confidence with the best F1 on the validation split; 0 where the model does not tell."""


def load_model(folder: Path) -> LoadedModel:
    """Load the unpacked content of model.tar.gz.

    Raises:
        ModelError: a file is missing, damaged or of another format.
    """
    try:
        config = parse_bounded((folder / "config.json").read_bytes())
        if config["format"] != MODEL_FORMAT:
            raise ModelError(
                f"{folder / 'config.json'} has the format {short(config['format'])}, not {MODEL_FORMAT!r}."
            )
        model = build_model(_model_config(config["model"]))
        weights = load_file(folder / "model.safetensors")
        if weights.keys() != weights_by_name(model).keys():
            raise ValueError("model.safetensors and config.json do not belong together")
        model.load_state_dict(weights, strict=False)  # not strict: a shared tensor has several names there
        classes = {int(item["id"]): str(item["name"]) for item in config["classes"]}
        if not all(0 <= number < model.config.num_classes for number in classes):
            raise ValueError("the model has no logit for one of the classes")
        thresholds = {int(item["id"]): float(item.get("threshold", 0.0)) for item in config["classes"]}
        image = config["image"]
        return LoadedModel(model, classes, int(image["short_side"]), int(image["max_side"]), thresholds)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, ConfigError) as error:
        raise ModelError(
            f"{folder} does not hold a model that can be loaded ({type(error).__name__}: "
            f"{sanitise(error, longest=500)}); unpack model.tar.gz again."
        ) from error


def weights_by_name(model: nn.Module) -> dict[str, Tensor]:
    """The content of model.safetensors: every tensor once (a state_dict names a shared one several times).

    Row by row, whatever their layout in memory, so that equal weights make equal files.
    """
    tensors = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}
    return tensors | dict(model.named_buffers())


def _model_config(values: Mapping[str, Any]) -> ModelConfig:
    arguments: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in values.items()
        if key != "num_select"  # a limit on detections that models once had
    }
    if unknown := set(arguments) - {field.name for field in fields(ModelConfig)}:
        raise ValueError(f"unknown model setting {min(unknown)!r}")
    return ModelConfig(**arguments)
