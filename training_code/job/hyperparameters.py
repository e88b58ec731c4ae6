"""From SageMaker's hyperparameters.json (a map of strings) to a checked configuration.

The keys are `recipe`, `dataset_version`, `gate_classes` (a JSON list of names) and the names of TrainingConfig's
fields, such as `epochs`.
"""

import dataclasses
import json
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dataset_contract.sanitise import short
from training_code.config import Architecture, ConfigError, TrainingConfig
from training_code.job.failures import JobConfigError
from training_code.recipes import RECIPES

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


def read_hyperparameters(path: Path) -> JobConfig:
    """Read hyperparameters.json; without the file (SageMaker writes none where there are none) the defaults apply.

    Raises:
        JobConfigError: the file or a value in it cannot be used.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        content = {}
    except (OSError, ValueError) as error:
        raise JobConfigError(f"{path} is not a JSON file that can be read: {error}.") from None
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
        raise JobConfigError(f"There is no recipe {name!r}; choose one of {', '.join(sorted(RECIPES))}.")
    gate_classes = _class_names(values.pop("gate_classes", "[]"))
    hints = get_type_hints(TrainingConfig)
    if unknown := sorted(set(values) - set(hints)):
        raise JobConfigError(
            f"Unknown hyperparameter {unknown[0]!r}; there are: recipe, gate_classes, {', '.join(sorted(hints))}."
        )
    overrides: dict[str, Any] = {key: _parse(key, value, hints[key]) for key, value in values.items()}
    try:
        training = dataclasses.replace(RECIPES[name].training, **overrides)
    except ConfigError as error:
        raise JobConfigError(str(error)) from None
    return JobConfig(name, RECIPES[name].model, training, gate_classes, version)


def _class_names(text: str) -> tuple[str, ...]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise JobConfigError(f"The hyperparameter gate_classes must be a JSON list of class names, not {text!r}.")
    return tuple(names)


_NUMBER = re.compile(r"[-+.0-9a-zA-Z]{1,400}")
"""int() and float() take underscores and the digits of every script as well."""


# Types are values here, and mypy has no type for `int | None` as a value but object.
def _parse(key: str, text: str, kind: object) -> object:
    """`text` as a value of the type `kind`; JobConfigError names the key if it is none."""
    try:
        return _convert(text.strip(), kind)
    except ValueError:
        raise JobConfigError(f"The hyperparameter {key} must be {_describe(kind)}, not {short(text)}.") from None


def _convert(text: str, kind: object) -> object:
    if kind in (int, float) and not _NUMBER.fullmatch(text):
        raise ValueError
    if kind is int:
        return int(text)
    if kind is float:
        return float(text)
    if kind is bool:
        return ("false", "true").index(text.lower()) == 1
    if get_origin(kind) is Literal:
        return get_args(kind)[get_args(kind).index(text)]
    if get_origin(kind) is types.UnionType:  # only `something | None` occurs
        return None if text.lower() in {"", "none", "null"} else _convert(text, get_args(kind)[0])
    assert get_origin(kind) is tuple
    return tuple(_convert(part.strip(), get_args(kind)[0]) for part in text.strip("()[] ").split(",") if part.strip())


def _describe(kind: object) -> str:
    if kind in (int, float):
        return "a whole number" if kind is int else "a number"
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if get_origin(kind) is types.UnionType:
        return f"{_describe(get_args(kind)[0])} or none"
    return "numbers separated by commas"
