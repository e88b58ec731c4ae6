"""Step Quote: what the execution should cost, before anything is spent."""

import os

from pipeline.clients import pricing_client, s3_client, service_quotas_client
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.model.quality_gate import gate_of
from pipeline.quote.cost_quote import Quote, make_quote
from pipeline.quote.prices import look_up_prices
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.quotas import look_up_quotas
from pipeline.quote.records import read_records
from pipeline.request import Request
from pipeline.settings import BucketSettings
from pipeline.step import Step


@Step
def handler(*, execution: Execution, request: Request, dataset: DatasetCheck) -> Quote:
    """Raises RequestInvalid if the request's gate names a class that the data set lacks, AwsUnavailable."""
    gate_of(request, dataset.classes)
    region = execution.region
    context = PricingContext(
        region=region,
        training_images=dataset.splits["train"],
        classes=dataset.classes,
        prices=look_up_prices(pricing_client(), region=region, instance_types=INSTANCE_TYPES),
        quotas=look_up_quotas(service_quotas_client()),
        records=read_records(s3_client(), bucket=BucketSettings.from_environment(os.environ).bucket),
    )
    return make_quote(request, context)
