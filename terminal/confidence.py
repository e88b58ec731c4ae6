"""A confidence as a person writes it on a command line."""

from __future__ import annotations

import math


def parse_confidence(text: str) -> float | None:
    """A number from 0 to 1; None if `text` is none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return value if 0 <= value <= 1 else None
