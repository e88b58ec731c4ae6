"""Step Quote: what the execution should cost, before anything is spent."""

import os
from dataclasses import replace

from pipeline.clients import pricing_client, s3_client, service_quotas_client
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.model.quality_gate import gate_of
from pipeline.quote.baselines import find_baselines
from pipeline.quote.cost_quote import Quote, make_quote
from pipeline.quote.earlier_model import find_earlier_model
from pipeline.quote.prices import look_up_prices
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.quotas import look_up_quotas
from pipeline.quote.records import read_records
from pipeline.request import Request
from pipeline.settings import QuoteSettings
from pipeline.step import Step


@Step
def handler(*, execution: Execution, request: Request, dataset: DatasetCheck) -> Quote:
    """Raises AwsUnavailable, or RequestInvalid if gate or earlier model do not fit the data set's classes."""
    gate_of(request, dataset.classes, dataset.unmeasured)
    region, s3, settings = execution.region, s3_client(), QuoteSettings.from_environment(os.environ)
    earlier_model = find_earlier_model(s3, bucket=settings.bucket, request=request, dataset=dataset)
    context = PricingContext(
        region=region,
        training_images=dataset.splits["train"],
        classes=dataset.classes,
        prices=look_up_prices(pricing_client(), region=region, instance_types=INSTANCE_TYPES),
        quotas=look_up_quotas(service_quotas_client()),
        records=read_records(s3, bucket=settings.bucket),
        highest_cost_usd=settings.highest_cost_usd,
    )
    quote = replace(make_quote(request, context), earlier_model=earlier_model)
    if not quote.accepted:
        return quote
    baselines, notes = find_baselines(s3, bucket=settings.bucket, dataset=dataset, execution=execution)
    return replace(quote, baselines=baselines, notes=(*quote.notes, *notes))
