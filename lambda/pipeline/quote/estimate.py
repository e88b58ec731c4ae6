"""How long a request's stages should take on an instance type, what they should cost, and how long they may take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from pipeline.billing import STOPPING_SECONDS, affordable_seconds
from pipeline.quote.speed import Speed

AROUND_SECONDS = 600
"""What a job is billed for beside its epochs: downloads, first and last evaluation, the model's upload. Estimated."""

MAX_RUNTIME_SECONDS = 120 * 3600
"""SageMaker's default quota for the runtime of a training job: five days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A request's stages on one instance type, or on any of several: at the slowest speed and the highest price."""

    instance_types: tuple[str, ...]
    usd_per_hour: float
    """Of all instances together."""
    speed: Speed
    training_images: int
    epochs: tuple[int, ...]
    """Of each stage."""
    max_cost_usd: float
    """The request's cap."""

    @property
    def stage_seconds(self) -> tuple[int, ...]:
        """Billed for each stage, if all goes well."""
        return tuple(AROUND_SECONDS + math.ceil(epochs * self._epoch_seconds) for epochs in self.epochs)

    @property
    def hours(self) -> float:
        """Of all stages."""
        return sum(self.stage_seconds) / 3600

    @property
    def usd(self) -> float:
        """Of all stages on demand, rounded up to a cent."""
        exact = Decimal(str(self.usd_per_hour)) * sum(self.stage_seconds) / 3600
        return float(exact.quantize(Decimal("0.01"), rounding=ROUND_CEILING))

    @property
    def is_too_long(self) -> bool:
        """Whether a stage would not end within what SageMaker allows."""
        return max(self._needed_seconds) > MAX_RUNTIME_SECONDS

    @property
    def fits(self) -> bool:
        """Whether each stage can end before the time limits that hold the cap."""
        return not self.is_too_long and self._affordable_seconds >= sum(self._needed_seconds)

    @property
    def max_runtime_seconds(self) -> tuple[int, ...]:
        """MaxRuntimeInSeconds of each stage: if all are stopped by it, they still cost no more than the cap.

        Time to spare is shared in proportion, since a wrong estimate is wrong for each stage.
        """
        affordable, needed = self._affordable_seconds, self._needed_seconds
        return tuple(min(affordable * seconds // sum(needed), MAX_RUNTIME_SECONDS) for seconds in needed)

    @property
    def most_epochs(self) -> int:
        """The most epochs that a single stage can have and still fit; below 1 if it cannot have any."""
        billed = min(self._affordable_seconds, MAX_RUNTIME_SECONDS) + STOPPING_SECONDS
        return math.floor((billed - AROUND_SECONDS) / self._epoch_seconds)

    @property
    def _epoch_seconds(self) -> Fraction:
        return self.training_images / Fraction(str(self.speed.images_per_second))

    @property
    def _needed_seconds(self) -> list[int]:
        """The least time limit of each stage."""
        return [seconds - STOPPING_SECONDS for seconds in self.stage_seconds]

    @property
    def _affordable_seconds(self) -> int:
        return affordable_seconds(self.max_cost_usd, self.usd_per_hour, jobs=len(self.epochs))


def joined(estimates: Sequence[Estimate]) -> Estimate:
    """For one job that may get any of their types."""
    return replace(
        estimates[0],
        instance_types=tuple(name for each in estimates for name in each.instance_types),
        usd_per_hour=max(each.usd_per_hour for each in estimates),
        speed=min((each.speed for each in estimates), key=lambda speed: speed.images_per_second),
    )
