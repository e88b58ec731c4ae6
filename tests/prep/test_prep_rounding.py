"""A number is rounded as Python's round() does it, where the fourth decimal is a five too."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_prep.rounding import rounded


@given(
    st.floats()
    | st.integers(-(2**60), 2**60)
    | st.decimals(0, 100_000, places=4).map(float)
    | st.integers(0, 10**9).map(lambda number: (number * 10 + 5) / 10_000)
)
def test_it_is_what_round_gives(pixels: float) -> None:
    assert rounded(pixels) == round(pixels, 3) or math.isnan(pixels)


@pytest.mark.parametrize(
    ("pixels", "expected"), [(0.0625, 0.062), (1.0005, 1.0), (2.6755, 2.675), (1e300, 1e300), (10**400, 10**400)]
)
def test_halves_go_where_the_float_is_nearer(pixels: float, expected: float) -> None:
    assert rounded(pixels) == expected == round(pixels, 3)
