"""The names that a person gives to the class numbers of a results file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_contract.class_names import class_name

_NUMBERED = re.compile(r"([0-9]+)\s*:\s*(.*)", re.DOTALL)
_MOST_DIGITS = 15
"""Of a class's number: a results file holds no longer ones."""


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names that the person gives to a file's classes."""

    by_number: Mapping[int, str]
    from_zero: bool
    """Whether the numbers are indices in data.yaml, from 0 on, so that the file may count from 1."""


def names_of(entries: Sequence[str]) -> ClassNames | None:
    """The meaning of `room`, `wall` in the order of data.yaml, or of `1:room`, `2:wall`; None if they are no names."""
    parts = [entry.strip() for entry in entries]
    numbered = [match.groups() for part in parts if (match := _NUMBERED.fullmatch(part))]
    if (numbered and len(numbered) < len(parts)) or any(len(number) > _MOST_DIGITS for number, _ in numbered):
        return None
    by_number = {int(number): name for number, name in numbered} or dict(enumerate(parts))
    if (
        not by_number
        or not all(by_number.values())
        or len({class_name(name) for name in by_number.values()}) < len(parts)
    ):
        return None
    return ClassNames(by_number, from_zero=not numbered)
