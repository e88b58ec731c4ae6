"""The names that a person gives to the class numbers of a results file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_contract.class_names import class_name


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names that the person gives to a file's classes."""

    by_number: Mapping[int, str]
    from_zero: bool
    """Whether the numbers are indices in data.yaml, from 0 on, so that the file may count from 1."""


def names_of(entries: Sequence[str]) -> ClassNames | None:
    """The meaning of `room`, `wall` in the order of data.yaml, or of `1:room`, `2:wall`; None if they are no names."""
    parts = [entry.strip() for entry in entries]
    numbered = [part.partition(":") for part in parts]
    if all(colon and number.strip().isdecimal() and name.strip() for number, colon, name in numbered):
        by_number = {int(number): name.strip() for number, _, name in numbered}
    else:
        by_number = dict(enumerate(parts))
    if not all(parts) or len({class_name(name) for name in by_number.values()}) < len(parts):
        return None
    return ClassNames(by_number, from_zero=not all(colon for _, colon, _ in numbered))
