"""What a training job costs: a dated table of SageMaker's prices."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

PRICES_DATE = "2026-08"
PRICES_REGION = "us-east-1"
USD_PER_HOUR = {
    "ml.g5.xlarge": Decimal("1.408"),  # one A10G, 24 GB
    "ml.g5.2xlarge": Decimal("1.515"),  # one A10G, 24 GB
    "ml.g6.xlarge": Decimal("1.1267"),  # one L4, 24 GB
    "ml.g6.2xlarge": Decimal("1.222"),  # one L4, 24 GB
    "ml.g6e.2xlarge": Decimal("2.8026"),  # one L40S, 48 GB
}
"""On-demand training prices. Only types with one GPU: the trainer uses one, and idle ones are billed all the same."""


def cost_usd(instance_type: str, billable_seconds: float) -> float:
    """Price of `billable_seconds` in USD, to the cent.

    SageMaker counts a managed spot job's discount in BillableTimeInSeconds, so the on-demand price applies to both.
    """
    exact = USD_PER_HOUR[instance_type] * Decimal(str(billable_seconds)) / 3600
    return float(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
