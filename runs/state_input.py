"""Reads fields of what a state carries, which may be anything: one of an unexpected type counts as absent."""

import math
from collections.abc import Mapping
from typing import Any


def part(state_input: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of the state, such as job; empty if there is none."""
    value = state_input.get(name)
    return value if isinstance(value, Mapping) else {}


def text(state_input: Mapping[str, Any], name: str, field: str) -> str:
    """A part's text; empty if there is none."""
    value = part(state_input, name).get(field)
    return value if isinstance(value, str) else ""


def texts(state_input: Mapping[str, Any], name: str, field: str) -> list[str]:
    """The texts in a part's list."""
    value = part(state_input, name).get(field)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def number(state_input: Mapping[str, Any], name: str, field: str) -> float | None:
    """A part's finite number."""
    value = part(state_input, name).get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
