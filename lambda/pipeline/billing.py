"""What SageMaker bills: from seconds of a training job to dollars, and back."""

import math
from decimal import ROUND_HALF_UP, Decimal

STOPPING_SECONDS = 120
"""A job that reached its time limit gets this long to end, and it is billed."""


def cost_usd(usd_per_hour: float, billable_seconds: float) -> float:
    """Price of `billable_seconds` in USD, to the cent.

    BillableTimeInSeconds of a spot job already contains its discount, so the on-demand price applies to both.
    """
    exact = Decimal(str(usd_per_hour)) * Decimal(str(billable_seconds)) / 3600
    return float(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def affordable_seconds(usd: float, usd_per_hour: float, *, jobs: int = 1) -> int:
    """The most seconds that `jobs` jobs may run in all, apart from their ends, for `usd`; 0 if it buys none.

    Exact: (affordable_seconds + jobs x STOPPING_SECONDS) x usd_per_hour never exceeds `usd`.
    """
    bought = math.floor(Decimal(str(usd)) * 3600 / Decimal(str(usd_per_hour)))
    return max(0, bought - jobs * STOPPING_SECONDS)
