"""Numbers with their nouns: 1 image, 4,194 images."""

from __future__ import annotations


def pluralise(number: int, one: str, many: str) -> str:
    """`number` with thousands separated, and the noun that goes with it."""
    return f"{number:,} {one if number == 1 else many}"
