"""What a model's folder says of it, as a training job writes it: config.json. Needs no torch.

Beside it are model.safetensors, the weights (torch_model.py), and model.onnx, the exported model (backends/).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dataset_contract.bounded_json import parse_bounded
from dataset_contract.out_of_memory import is_out_of_memory
from dataset_contract.sanitise import sanitise, short
from training_code.config_checks import ConfigError
from training_code.model_config import ModelConfig

MODEL_FORMAT = "floorplan-dino-model/1"
"""What config.json gives as `format`."""


class ModelError(Exception):
    """A model that cannot be used; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What it takes to use a model."""

    config: ModelConfig
    classes: Mapping[int, str]
    """Names by category id."""
    short_side: int
    """Pixels that the short side of an image is resized to."""
    max_side: int
    """Pixels that its long side has at most."""
    thresholds: Mapping[int, float] = field(default_factory=dict)
    """By category id, the confidence with the best F1 on the validation split; 0 where the model does not tell."""


def read_settings(folder: Path) -> ModelSettings:
    """Read config.json of the unpacked content of model.tar.gz.

    Raises:
        ModelError: it is missing, damaged or of another format.
    """
    try:
        values = parse_bounded((folder / "config.json").read_bytes())
        if values["format"] != MODEL_FORMAT:
            raise ModelError(
                f"{folder / 'config.json'} has the format {short(values['format'])}, not {MODEL_FORMAT!r}."
            )
        config = _model_config(values["model"])
        classes = {int(item["id"]): str(item["name"]) for item in values["classes"]}
        if not all(0 <= number < config.num_classes for number in classes):
            raise ValueError("the model has no logit for one of the classes")
        if not classes:
            raise ValueError("it has no class")
        thresholds = {int(item["id"]): float(item.get("threshold", 0.0)) for item in values["classes"]}
        short_side, max_side = int(values["image"]["short_side"]), int(values["image"]["max_side"])
        if not 1 <= short_side <= max_side:
            raise ValueError(f"images cannot be resized to {short_side} x {max_side} pixels")
        return ModelSettings(config, classes, short_side, max_side, thresholds)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise unusable(folder, error) from error


def unusable(folder: Path, error: Exception) -> ModelError:
    """For a folder whose files cannot be read or do not fit. Raises MemoryError where memory lacks, not a file."""
    if is_out_of_memory(error):
        raise MemoryError(str(error)) from error
    return ModelError(
        f"{folder} does not hold a model that can be loaded ({type(error).__name__}: "
        f"{sanitise(error, longest=500)}); unpack model.tar.gz again."
    )


def _model_config(values: Mapping[str, Any]) -> ModelConfig:
    arguments: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in values.items()
        if key != "num_select"  # a limit on detections that models once had
    }
    if unknown := set(arguments) - {field.name for field in fields(ModelConfig)}:
        raise ValueError(f"unknown model setting {min(unknown)!r}")
    return ModelConfig(**arguments)
