"""What is known when a quote is made: prices, quotas, what earlier runs took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.quote.estimate import Estimate, estimate
from pipeline.quote.prices import Price
from pipeline.quote.quotas import Quotas
from pipeline.quote.records import RunRecord
from pipeline.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """For one data set in one region."""

    region: str
    training_images: int
    prices: Mapping[str, Price]
    """Of all types that can be asked for."""
    quotas: Quotas
    records: Sequence[RunRecord]
    """The newest first."""

    def estimate(self, request: Request, instance_type: str) -> Estimate:
        """What the request should take on one type."""
        return estimate(
            request,
            instance_type=instance_type,
            training_images=self.training_images,
            price=self.prices[instance_type],
            records=self.records,
        )

    def offers(self, instance_type: str) -> bool:
        """Whether the type can be recommended: the region has a price of it, as far as prices are known."""
        return self.prices[instance_type].listed or not any(price.listed for price in self.prices.values())
