"""How long a request's runs should take on an instance type, what they should cost, and how long they may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from pipeline.billing import STOPPING_SECONDS, affordable_seconds
from pipeline.quote.prices import Price
from pipeline.quote.records import RunRecord
from pipeline.quote.speed import Speed, speed_of
from pipeline.request import Request

AROUND_SECONDS = 600
"""Of a job that are billed beside its epochs: downloads, the first and the last evaluation, the model's upload, the
end. Estimated."""

MAX_RUNTIME_SECONDS = 120 * 3600
"""SageMaker's default quota for the longest run of a training job: five days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A request's runs on one instance type, or on whichever of several: then by the slowest and by the dearest."""

    instance_types: tuple[str, ...]
    usd_per_hour: float
    run_seconds: tuple[int, ...]
    """Billed for each run, if all goes well."""
    speed: Speed

    @property
    def hours(self) -> float:
        """Of all runs."""
        return sum(self.run_seconds) / 3600

    @property
    def usd(self) -> float:
        """Of all runs on demand, rounded up to a cent."""
        exact = Decimal(str(self.usd_per_hour)) * sum(self.run_seconds) / 3600
        return float(exact.quantize(Decimal("0.01"), rounding=ROUND_CEILING))

    @property
    def is_too_long(self) -> bool:
        """Whether a run would not end within what SageMaker allows."""
        return any(seconds > MAX_RUNTIME_SECONDS for seconds in self._needed_seconds)

    def fits(self, max_cost_usd: float) -> bool:
        """Whether each run can end before the limits that hold the cap."""
        return not self.is_too_long and self._affordable_seconds(max_cost_usd) >= sum(self._needed_seconds)

    def max_runtime_seconds(self, max_cost_usd: float) -> list[int]:
        """MaxRuntimeInSeconds of each run, so that all together, stopped by it, cost no more than the cap.

        What is more than needed is shared in proportion, since an estimate that is wrong is wrong for each run.
        """
        affordable, needed = self._affordable_seconds(max_cost_usd), self._needed_seconds
        return [min(affordable * seconds // sum(needed), MAX_RUNTIME_SECONDS) for seconds in needed]

    def joined_with(self, other: Estimate) -> Estimate:
        """For one job that may get either's type."""
        return replace(
            self,
            instance_types=self.instance_types + other.instance_types,
            usd_per_hour=max(self.usd_per_hour, other.usd_per_hour),
            run_seconds=tuple(map(max, self.run_seconds, other.run_seconds)),
            speed=min(self.speed, other.speed, key=lambda speed: speed.images_per_second),
        )

    @property
    def _needed_seconds(self) -> Sequence[int]:
        """The least limit of each run."""
        return [seconds - STOPPING_SECONDS for seconds in self.run_seconds]

    def _affordable_seconds(self, max_cost_usd: float) -> int:
        return affordable_seconds(max_cost_usd, self.usd_per_hour, jobs=len(self.run_seconds))


def estimate(
    request: Request, *, instance_type: str, training_images: int, price: Price, records: Iterable[RunRecord]
) -> Estimate:
    """What the request should take on `instance_type`; `records` of earlier runs are the newest first."""
    speed = speed_of(request.recipe, instance_type, records)
    return Estimate(
        instance_types=(instance_type,),
        usd_per_hour=price.usd_per_hour,
        run_seconds=tuple(
            AROUND_SECONDS + math.ceil(training_images * run.epochs / speed.images_per_second) for run in request.runs
        ),
        speed=speed,
    )
