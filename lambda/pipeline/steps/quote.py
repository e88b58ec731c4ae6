"""Step Quote: what the execution should cost, before anything is spent."""

from __future__ import annotations

import os
from typing import Any

from pipeline.clients import pricing_client, s3_client, service_quotas_client
from pipeline.execution import Execution
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote.cost_quote import make_quote
from pipeline.quote.prices import look_up_prices
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.quotas import look_up_quotas
from pipeline.quote.records import read_records
from pipeline.request import Request
from pipeline.settings import QuoteSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request", "dataset"}. Returns Quote's fields. Raises AwsUnavailable."""
    region = Execution.from_context(event["execution"]).region
    context = PricingContext(
        region=region,
        training_images=event["dataset"]["splits"]["train"],
        prices=look_up_prices(pricing_client(), region=region, instance_types=INSTANCE_TYPES),
        quotas=look_up_quotas(service_quotas_client()),
        records=read_records(s3_client(), bucket=QuoteSettings.from_environment(os.environ).bucket),
    )
    return make_quote(Request.from_state(event["request"]), context).to_state()
