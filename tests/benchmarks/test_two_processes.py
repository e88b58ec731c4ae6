"""The comparison of two processes with one: the sums of fp64 are the same but for their order."""

import pytest

from benchmarks.two_processes import MOST_DIFFERENCE, largest_difference


@pytest.mark.faults
def test_two_processes_have_the_losses_of_one() -> None:
    assert largest_difference() < MOST_DIFFERENCE
