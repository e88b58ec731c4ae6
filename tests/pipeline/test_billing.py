"""What a training job costs, to the cent, and how long it may run for a sum."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.billing import STOPPING_SECONDS, affordable_seconds, cost_usd
from pipeline.instance_types import INSTANCE_TYPES


@pytest.mark.parametrize(
    ("instance_type", "seconds", "expected"),
    [
        ("ml.g5.2xlarge", 3600, 1.52),  # 1.515, half up
        ("ml.g5.2xlarge", 1.5 * 3600, 2.27),  # the user's 5 epochs
        ("ml.g5.2xlarge", 15 * 3600, 22.73),  # the user's 50 epochs
        ("ml.g5.2xlarge", 0, 0.0),
        ("ml.g5.xlarge", 1, 0.0),
        ("ml.g6e.2xlarge", 7200, 5.61),
    ],
)
def test_price_of_billable_seconds(instance_type: str, seconds: float, expected: float) -> None:
    assert cost_usd(float(INSTANCE_TYPES[instance_type].usd_per_hour), seconds) == expected


@given(st.floats(0.001, 10_000), st.floats(0.01, 100), st.integers(1, 3))
def test_the_time_that_money_buys_never_costs_more(usd: float, usd_per_hour: float, jobs: int) -> None:
    seconds = affordable_seconds(usd, usd_per_hour, jobs=jobs)
    price = Fraction(str(usd_per_hour)) / 3600
    if seconds:
        assert (seconds + jobs * STOPPING_SECONDS) * price <= Fraction(str(usd))
    assert (seconds + jobs * STOPPING_SECONDS + 1) * price > Fraction(str(usd)), "and not a second is given away"
