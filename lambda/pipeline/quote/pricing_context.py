"""What is known when a quote is made: the data set, prices, quotas, and what earlier jobs took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.quote.prices import Price
from pipeline.quote.quotas import Quotas
from pipeline.quote.records import StageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingContext:
    """For one data set in one region."""

    region: str
    training_images: int
    classes: tuple[str, ...]
    """The data set's."""
    prices: Mapping[str, Price]
    """Of all types that a request may name."""
    quotas: Quotas
    records: Sequence[StageRecord]
    """Newest first."""
    highest_cost_usd: int
    """The most that a request may set as its max_cost_usd."""
