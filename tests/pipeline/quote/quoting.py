"""Quotes for tests: what is asked for, and what is known of prices, quotas and earlier runs."""

from collections.abc import Mapping
from typing import Any

from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote.candidates import estimate_candidates
from pipeline.quote.cost_quote import Quote, make_quote
from pipeline.quote.estimate import Estimate
from pipeline.quote.prices import Price
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.quotas import Quotas
from pipeline.quote.records import StageRecord
from pipeline.request import Request
from pipeline.request_input import parse_request
from pipeline.settings import Defaults

DEFAULTS = Defaults(
    dataset_prefix="dino-data",
    preset="test",
    instance_type="ml.g5.2xlarge",
    quality_gate={},
    highest_cost_usd=10_000,
)
USERS_IMAGES = 2935
G5, G6, G6E = "ml.g5.2xlarge", "ml.g6.xlarge", "ml.g6e.2xlarge"


def pricing_context(
    *, images: int = USERS_IMAGES, quotas: Mapping[str, float] | None = None, records: tuple[StageRecord, ...] = ()
) -> PricingContext:
    """us-east-1 at the dated table's prices; quotas that are not given are not known."""
    prices = {
        name: Price(usd_per_hour=float(each.usd_per_hour), source="the list", listed=True)
        for name, each in INSTANCE_TYPES.items()
    }
    return PricingContext(
        region="us-east-1",
        training_images=images,
        classes=("wall", "room"),
        prices=prices,
        quotas=Quotas(values=quotas or {}),
        records=records,
        highest_cost_usd=DEFAULTS.highest_cost_usd,
    )


def request(**fields: Any) -> Request:
    return parse_request(fields, DEFAULTS)


def quoted(known: PricingContext | None = None, **fields: Any) -> Quote:
    return make_quote(request(**fields), known or pricing_context())


def estimated(asked: Request, known: PricingContext, instance_type: str) -> Estimate:
    return estimate_candidates(asked, known)[instance_type].estimate
