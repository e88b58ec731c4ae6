"""From SageMaker's hyperparameters.json (a map of strings) to a checked configuration.

The keys are `recipe`, `dataset_version`, `gate_classes` (a JSON list of names) and the names of TrainingConfig's
fields, such as `epochs`, whose values are JSON (training_settings.py).
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from dataset_contract.bounded_json import JsonError, parse_bounded
from dataset_contract.sanitise import sanitise, short
from training_code.config import TrainingConfig
from training_code.config_checks import ConfigError
from training_code.job.failures import JobConfigError
from training_code.model_config import Architecture
from training_code.recipes import RECIPES
from training_code.training_settings import from_text, training_config

DEFAULT_RECIPE = "room_wall"


@dataclasses.dataclass(frozen=True, slots=True)
class JobConfig:
    """Recipe name, architecture and settings of one job."""

    recipe: str
    model: Architecture
    training: TrainingConfig
    gate_classes: tuple[str, ...] = ()
    """The classes whose F1 the quality gate asks for: the epoch with their highest mean F1 is the one to ship."""
    dataset_version: str | None = None
    """Which the data set must have; None takes any."""
    given: frozenset[str] = frozenset()
    """The settings that the hyperparameters have; the others are the recipe's."""
    batch_is_measured: bool = False
    """Whether the training's batch was chosen by memory, with what follows from it (loop/batch_choice.py)."""


def read_hyperparameters(path: Path) -> JobConfig:
    """Read hyperparameters.json; without the file (SageMaker writes none where there are none) the defaults apply.

    Raises:
        JobConfigError: the file or a value in it cannot be used.
    """
    try:
        content = parse_bounded(path.read_bytes())
    except FileNotFoundError:
        content = {}
    except (OSError, ValueError) as error:
        raise JobConfigError(f"{path} is not a JSON file that can be read: {sanitise(error)}.") from None
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise JobConfigError(f"{path} must hold one JSON object whose values are all strings.")
    return parse_hyperparameters(content)


def parse_hyperparameters(hyperparameters: Mapping[str, str]) -> JobConfig:
    """The recipe with the fields that `hyperparameters` overrides; keys of SageMaker's own (sagemaker_*) are skipped.

    Raises:
        JobConfigError: an unknown recipe or field, or a value that does not fit.
    """
    values = {key: value for key, value in hyperparameters.items() if not key.startswith("sagemaker_")}
    name, version = values.pop("recipe", DEFAULT_RECIPE), values.pop("dataset_version", None)
    if name not in RECIPES:
        raise JobConfigError(f"There is no recipe {short(name)}; choose one of {', '.join(sorted(RECIPES))}.")
    gate_classes = _class_names(values.pop("gate_classes", "[]"))
    try:
        training = training_config(name, {key: from_text(key, text) for key, text in values.items()})
    except ConfigError as error:
        raise JobConfigError(str(error)) from None
    return JobConfig(name, RECIPES[name].model, training, gate_classes, version, frozenset(values))


def _class_names(text: str) -> tuple[str, ...]:
    try:
        names = parse_bounded(text)
    except JsonError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise JobConfigError(f"The hyperparameter gate_classes must be a JSON list of class names, not {short(text)}.")
    return tuple(names)
