"""The step Quote refuses a gate that cannot be met, and asks the services of its region."""

from dataclasses import replace

import pytest
from pipeline.dataset.validation import DatasetCheck
from pipeline.errors import RequestInvalid
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.request import Request
from pipeline.state import to_state
from pipeline.steps import quote

from tests.pipeline.conftest import StubbedClient, context
from tests.pipeline.quote.test_records import Bucket


def test_a_gate_for_a_class_that_the_data_set_lacks_is_refused_before_anything_is_looked_up(
    request_: Request, dataset: DatasetCheck
) -> None:
    asked = replace(request_, quality_gate={"door": 0.8}, gate_is_default=False)
    event = {"execution": context(), "request": to_state(asked), "dataset": to_state(dataset)}
    with pytest.raises(RequestInvalid, match="the data set's classes are wall, room"):
        quote.handler(event, None)


def test_a_gate_for_a_class_that_nothing_can_measure_is_refused_before_anything_is_looked_up(
    request_: Request, dataset: DatasetCheck
) -> None:
    unmeasured = replace(dataset, unmeasured=("room",))
    event = {"execution": context(), "request": to_state(request_), "dataset": to_state(unmeasured)}
    with pytest.raises(RequestInvalid, match="the validation split has no box of it"):
        quote.handler(event, None)


def test_the_step_asks_the_services_of_the_executions_region(
    request_: Request, dataset: DatasetCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    pricing, service_quotas = StubbedClient("pricing"), StubbedClient("service-quotas")
    for _ in INSTANCE_TYPES:
        pricing.expect("get_products", {"PriceList": []})
    service_quotas.refuse("list_service_quotas", "AccessDeniedException")
    monkeypatch.setattr(quote, "pricing_client", lambda: pricing.client)
    monkeypatch.setattr(quote, "service_quotas_client", lambda: service_quotas.client)
    monkeypatch.setattr(quote, "s3_client", Bucket)
    monkeypatch.setenv("BUCKET", "b")
    monkeypatch.setenv("HIGHEST_COST_USD", "200")
    state = quote.handler({"execution": context(), "request": to_state(request_), "dataset": to_state(dataset)}, None)
    assert state["accepted"]
    assert state["hours"] < 0.2, "few images"
    assert state["price_source"].startswith("us-east-1's prices of 2026-08, since the AWS Price List has no usable")
    assert state["notes"] == ["The quotas are not known: Service Quotas refused (AccessDeniedException)."]
    pricing.assert_all_called()
    service_quotas.assert_all_called()
