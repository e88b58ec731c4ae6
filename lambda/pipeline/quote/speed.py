"""How fast an instance type trains and what spot saves: measured in earlier runs, or estimated and said to be so."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote.records import StageRecord

_RECORDS = 5
"""How many of the newest records count, by their median: code and data change, and an outlier must not count."""

ESTIMATES_DATE = "2026-11"
ESTIMATED_TYPE = "ml.g5.2xlarge"
_ESTIMATES = {
    # 5 epochs of 2,935 training images in 1.5 h on one A10G: an expectation.
    "room_wall": 2.7,
    # As fast as two CPU cores: so small a model leaves a GPU waiting for its next kernel to start.
    "tiny": 5.0,
}
"""Recipe -> images per second on ESTIMATED_TYPE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Training images per second, evaluations included in the time."""

    images_per_second: float
    source: str
    """Whether it was measured or estimated, and on what."""


def speed_of(recipe: str, instance_type: str, records: Iterable[StageRecord]) -> Speed:
    """The speed to expect; `records` are newest first."""
    measured = [
        record.images_per_second
        for record in records
        if (record.recipe, record.instance_type) == (recipe, instance_type)
    ][:_RECORDS]
    if measured:
        runs = "the last run" if len(measured) == 1 else f"the last {len(measured)} runs"
        return Speed(images_per_second=statistics.median(measured), source=f"measured in {runs} on {instance_type}")
    estimate = _ESTIMATES[recipe]
    source = f"estimated in {ESTIMATES_DATE}, not measured: {estimate} images/s on {ESTIMATED_TYPE}"
    bandwidth = INSTANCE_TYPES[instance_type].gpu.bandwidth_gb_per_second
    scale = bandwidth / INSTANCE_TYPES[ESTIMATED_TYPE].gpu.bandwidth_gb_per_second
    if scale != 1:
        source += f", scaled by {scale:.3g} to {instance_type}'s memory bandwidth"
    return Speed(images_per_second=estimate * scale, source=source)


def spot_saving_of(instance_type: str, records: Iterable[StageRecord]) -> float | None:
    """The share that spot saved in the last runs on the type, from 0 to 1; None if there were none."""
    savings = [
        record.spot_saving
        for record in records
        if record.instance_type == instance_type and record.spot_saving is not None
    ][:_RECORDS]
    return statistics.median(savings) if savings else None
