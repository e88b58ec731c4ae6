"""What a run costs, to the cent."""

import pytest
from pipeline.pricing import USD_PER_HOUR, cost_usd


@pytest.mark.parametrize(
    ("instance_type", "seconds", "expected"),
    [
        ("ml.g5.2xlarge", 3600, 1.52),  # 1.515, half up
        ("ml.g5.2xlarge", 15 * 3600, 22.73),  # the user's 50 epochs
        ("ml.g5.2xlarge", 0, 0.0),
        ("ml.g5.xlarge", 1, 0.0),
        ("ml.g6e.2xlarge", 7200, 5.61),
    ],
)
def test_price_of_billable_seconds(instance_type: str, seconds: int, expected: float) -> None:
    assert cost_usd(float(USD_PER_HOUR[instance_type]), seconds) == expected


def test_every_type_that_can_be_asked_for_has_a_price() -> None:
    assert all(price > 0 for price in USD_PER_HOUR.values())
    assert "ml.g5.2xlarge" in USD_PER_HOUR
