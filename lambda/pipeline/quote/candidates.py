"""The table that a quote chooses from: each instance type, estimated once for the request."""

from dataclasses import dataclass
from decimal import Decimal

from pipeline.quote.estimate import Estimate
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.speed import speed_of
from pipeline.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One instance type: what the request would take on its instances, and whether account and region have them."""

    name: str
    estimate: Estimate
    has_quota: bool
    """For what the request asks for, spot or on demand; unknown quotas count as enough, since SageMaker checks them."""
    has_other_quota: bool
    """Whether the quota for on demand instead of spot, or the other way round, is known to be enough."""
    is_offered: bool
    """Whether the Price List has it in the region, as far as the Price List is known."""

    @property
    def is_possible(self) -> bool:
        """Whether a job may start on it."""
        return self.has_quota and self.estimate.fits


def estimate_candidates(request: Request, context: PricingContext) -> dict[str, Candidate]:
    """Every instance type that a request may name, by its name."""
    # Of few epochs, a measured batch may be smaller and the training slower: the longest stage is what costs.
    training = max(request.stages, key=lambda stage: stage.epochs).training
    count = request.instance_count
    is_list_known = any(price.listed for price in context.prices.values())
    return {
        name: Candidate(
            name=name,
            estimate=Estimate(
                instance_types=(name,),
                usd_per_hour=float(Decimal(str(price.usd_per_hour)) * count),
                speed=speed_of(
                    request.recipe,
                    training,
                    name,
                    context.records,
                    instance_count=count,
                    training_images=context.training_images,
                ),
                training_images=context.training_images,
                epochs=tuple(stage.epochs for stage in request.stages),
                max_cost_usd=request.max_cost_usd,
            ),
            has_quota=context.quotas.allows(name, spot=request.spot, count=count),
            has_other_quota=context.quotas.allows(name, spot=not request.spot, count=count, if_unknown=False),
            is_offered=price.listed or not is_list_known,
        )
        for name, price in context.prices.items()
    }
