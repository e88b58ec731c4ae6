"""The settings of a training by name: JSON values in a request, text in SageMaker's hyperparameters, checked alike.

Standard library and dataset_contract only: Lambdas read it, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dataset_contract.bounded_json import parse_bounded
from dataset_contract.sanitise import short
from training_code.config import TrainingConfig
from training_code.config_checks import ConfigError
from training_code.recipes import RECIPES

SETTINGS: Mapping[str, Any] = MappingProxyType(get_type_hints(TrainingConfig))
"""The type of each setting by its name."""

LONGEST_TEXT = 2500
"""Characters that SageMaker takes as the value of a hyperparameter."""


def training_config(recipe: str, values: Mapping[str, object]) -> TrainingConfig:
    """The training of `recipe` with the settings that `values`, JSON's, changes.

    Raises:
        ConfigError: an unknown setting, a value of another type or outside its range, or settings that do not go
            together.
    """
    for name in values:
        if name not in SETTINGS:
            near = nearest(name, SETTINGS)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(sorted(SETTINGS))}."
            raise ConfigError(f"{short(name)} is not a setting of the training; {hint}")
    typed: dict[str, Any] = {name: _typed(name, value) for name, value in values.items()}
    return replace(RECIPES[recipe].training, **typed)


def nearest(name: object, known: Collection[str]) -> str | None:
    """The known name that is spelt most like `name`; None if none is alike."""
    found = get_close_matches(str(name)[:60].lower(), list(known), n=1)
    return found[0] if found else None


def json_values(config: TrainingConfig) -> dict[str, object]:
    """Each setting's value as JSON has it."""
    values = {name: getattr(config, name) for name in SETTINGS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def to_text(value: object) -> str:
    """A JSON value as the text of a hyperparameter."""
    return value if isinstance(value, str) else json.dumps(value)


def from_text(name: str, text: str) -> object:
    """The JSON value of the setting `name` that `text` means: what to_text() wrote, or a person who started a job.

    A person may also write True, none, and lists without brackets. Any other text is taken as it is.
    """
    kind, text = SETTINGS.get(name), text.strip()
    if NoneType in get_args(kind) and text.lower() in {"", "none", "null"}:
        return None
    kind = _without_none(kind)
    try:
        if kind in (int, float) and _NUMBER.fullmatch(text):
            return int(text) if kind is int else float(text)
        if kind is bool:
            return ("false", "true").index(text.lower()) == 1
        if get_origin(kind) is tuple:
            return parse_bounded(f"[{text.strip('()[], ')}]")
    except ValueError:
        pass
    return text


def as_request(**values: object) -> str:
    """Settings as the part of a request that sets them, for a sentence."""
    return f'"training": {json.dumps(values)}'


def lower_learning_rate(config: TrainingConfig) -> str:
    """The part of a request that halves the learning rates of `config`, for a sentence."""
    return as_request(learning_rate=config.learning_rate / 2, backbone_learning_rate=config.backbone_learning_rate / 2)


def describe(kind: object) -> str:
    """A setting's type, as a sentence or a table names it."""
    if NoneType in get_args(kind):
        return f"{describe(_without_none(kind))} or null"
    if get_origin(kind) is Literal:
        return " or ".join(f'"{value}"' for value in get_args(kind))
    if get_origin(kind) is tuple:
        first, *more = get_args(kind)
        count = "" if Ellipsis in more else f"{len(more) + 1} "
        return f"a list of {count}{_PLURALS[first]}"
    return _NAMES[kind]


_NAMES: Mapping[object, str] = {int: "a whole number", float: "a number", bool: "true or false"}
_PLURALS: Mapping[object, str] = {int: "whole numbers", float: "numbers"}
_NUMBER = re.compile(r"[-+.0-9a-zA-Z]{1,400}")
"""int() and float() take underscores and the digits of every script as well."""


def _typed(name: str, value: object) -> object:
    """`value` as the dataclass has it. Raises ConfigError."""
    try:
        typed = _converted(value, SETTINGS[name])
    except (ValueError, OverflowError):
        raise ConfigError(f"{name} must be {describe(SETTINGS[name])}, not {_shown(value)}.") from None
    if len(text := to_text(value)) > LONGEST_TEXT:
        raise ConfigError(f"{name} must be at most {LONGEST_TEXT:,} characters of JSON, not {len(text):,}.")
    return typed


def _converted(value: object, kind: object) -> object:
    """`value` as the type `kind`; ValueError or OverflowError if it is none. A bool is not a number here."""
    if value is None and NoneType in get_args(kind):
        return None
    kind = _without_none(kind)
    if get_origin(kind) is tuple:
        first, *more = get_args(kind)
        if isinstance(value, list) and (Ellipsis in more or len(value) == len(more) + 1):
            return tuple(_converted(item, first) for item in value)
    elif get_origin(kind) is Literal:
        if isinstance(value, str) and value in get_args(kind):
            return value
    elif kind is float and type(value) in (int, float):
        return float(value)  # type: ignore[arg-type]  # mypy does not narrow by type()
    elif type(value) is kind and (not isinstance(value, int) or abs(value) < 2**64):
        return value
    raise ValueError


def _without_none(kind: object) -> object:
    """T of T | None, and of T."""
    return next(each for each in get_args(kind) if each is not NoneType) if NoneType in get_args(kind) else kind


def _shown(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) or value is None else short(value)
