"""How boxes and areas are rounded: to a thousandth of a pixel."""

from __future__ import annotations

_DECIMALS = 3
_FAR = 2.0**36
"""Thousandths of a smaller number are known to within 0.004."""
_TO_WHOLE = 1.5 * 2.0**52
"""Floats of this size have no fraction: what it is added to and taken away from becomes the nearest whole number."""


def rounded(pixels: float) -> float:
    """What round(pixels, 3) is, in less than half the time, as there are hundreds of thousands of numbers."""
    if -_FAR < pixels < _FAR:
        thousandths = pixels * 1000
        nearest = thousandths + _TO_WHOLE - _TO_WHOLE
        if -0.49 < thousandths - nearest < 0.49:  # nearer to the middle of two, only round() knows which
            return nearest / 1000
    return round(pixels, _DECIMALS)
