"""How a configuration is refused that cannot work. Standard library only: Lambdas read it, too."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class ConfigError(ValueError):
    """A configuration that cannot work; the message is one sentence for the person who wrote it."""


def require(condition: bool, sentence: str) -> None:
    """Raise ConfigError with `sentence`, which lacks its full stop, unless `condition` holds."""
    if not condition:
        raise ConfigError(f"{sentence}.")


def require_finite(config: DataclassInstance) -> None:
    """Raise ConfigError if a number of `config` is infinite or not a number."""
    for field in fields(config):
        value = getattr(config, field.name)
        require(
            not isinstance(value, float) or math.isfinite(value), f"{field.name} must be a finite number, not {value}"
        )


def require_at_least(least: int, config: object, names: str) -> None:
    """Raise ConfigError if one of the fields `names`, separated by spaces, is below `least`."""
    for name in names.split():
        require(getattr(config, name) >= least, f"{name} must be at least {least}, not {getattr(config, name)}")
