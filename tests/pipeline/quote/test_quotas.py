"""The account's quotas, by the names that Service Quotas gives them."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from pipeline.quote.quotas import look_up_quotas

from tests.pipeline.conftest import StubbedClient

SPOT = "ml.g5.2xlarge for spot training job usage"
ON_DEMAND = "ml.g5.2xlarge for training job usage"


@pytest.fixture
def service_quotas() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("service-quotas")
    yield stubbed
    stubbed.assert_all_called()


def quota(name: str, value: float) -> dict[str, Any]:
    return {"ServiceCode": "sagemaker", "QuotaCode": "L-1", "QuotaName": name, "Value": value}


def test_spot_and_on_demand_are_two_quotas_and_all_pages_are_read(service_quotas: StubbedClient) -> None:
    service_quotas.expect(
        "list_service_quotas",
        {"Quotas": [quota(SPOT, 0.0), quota("ml.g5.2xlarge for endpoint usage", 9.0)], "NextToken": "next"},
        ServiceCode="sagemaker",
        MaxResults=100,
    )
    service_quotas.expect(
        "list_service_quotas",
        {"Quotas": [quota(ON_DEMAND, 1.0)]},
        ServiceCode="sagemaker",
        MaxResults=100,
        NextToken="next",
    )
    quotas = look_up_quotas(service_quotas.client)
    assert quotas.values == {SPOT: 0, ON_DEMAND: 1}
    assert not quotas.allows("ml.g5.2xlarge", spot=True)
    assert quotas.allows("ml.g5.2xlarge", spot=False)
    assert quotas.note is None


def test_a_quota_that_is_not_listed_stops_nobody(service_quotas: StubbedClient) -> None:
    service_quotas.expect("list_service_quotas", {"Quotas": []})
    assert look_up_quotas(service_quotas.client).allows("ml.g6.xlarge", spot=True)


def test_a_refusal_stops_nobody_and_is_told(service_quotas: StubbedClient) -> None:
    service_quotas.refuse("list_service_quotas", "AccessDeniedException")
    quotas = look_up_quotas(service_quotas.client)
    assert quotas.allows("ml.g5.2xlarge", spot=True)
    assert quotas.note == "The quotas are not known: Service Quotas refused (AccessDeniedException)."


def test_what_was_read_before_the_service_went_away_counts(service_quotas: StubbedClient) -> None:
    service_quotas.expect("list_service_quotas", {"Quotas": [quota(SPOT, 0.0)], "NextToken": "next"})
    service_quotas.refuse("list_service_quotas", "TooManyRequestsException")
    quotas = look_up_quotas(service_quotas.client)
    assert not quotas.allows("ml.g5.2xlarge", spot=True)
    assert quotas.allows("ml.g5.2xlarge", spot=False)
    assert "TooManyRequestsException" in str(quotas.note)


def test_a_service_out_of_reach_is_told() -> None:
    class Unreachable:
        def get_paginator(self, _: str) -> None:
            raise ConnectTimeoutError(endpoint_url="https://servicequotas.us-east-1.amazonaws.com")

    client: Any = Unreachable()
    assert look_up_quotas(client).note == "The quotas are not known: Service Quotas could not be reached."
