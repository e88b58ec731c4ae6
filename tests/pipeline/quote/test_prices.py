"""The price of an hour: from the Price List if it has a plausible one, or else from the dated table."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote.prices import look_up_prices

from tests.pipeline.conftest import StubbedClient


def product(usd: str = "1.9000000000", unit: str = "Hrs", **attributes: str) -> str:
    """One product as the Price List writes it: a string of JSON."""
    own = {"regionCode": "eu-west-1", "instanceName": "ml.g5.2xlarge", "component": "Training"}
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}, "beginRange": "0", "endRange": "Inf"}
    return json.dumps(
        {
            "product": {"productFamily": "ML Instance", "attributes": own | attributes, "sku": "X"},
            "terms": {"OnDemand": {"X.J": {"priceDimensions": {"X.J.6": dimension}, "termAttributes": {}}}},
        }
    )


@pytest.fixture
def pricing() -> Iterator[StubbedClient]:
    stubbed = StubbedClient("pricing")
    yield stubbed
    stubbed.assert_all_called()


def looked_up(pricing: StubbedClient, *products: str) -> tuple[float, str]:
    pricing.expect("get_products", {"PriceList": list(products)})
    price = look_up_prices(pricing.client, region="eu-west-1", instance_types=["ml.g5.2xlarge"])["ml.g5.2xlarge"]
    return price.usd_per_hour, price.source


def test_the_price_list_is_asked_for_training_in_the_region(pricing: StubbedClient) -> None:
    pricing.expect(
        "get_products",
        {"PriceList": [product()]},
        ServiceCode="AmazonSageMaker",
        FormatVersion="aws_v1",
        Filters=[
            {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
            {"Type": "TERM_MATCH", "Field": "instanceName", "Value": "ml.g5.2xlarge"},
            {"Type": "TERM_MATCH", "Field": "component", "Value": "Training"},
        ],
    )
    (price,) = look_up_prices(pricing.client, region="eu-west-1", instance_types=["ml.g5.2xlarge"]).values()
    assert (price.usd_per_hour, price.source) == (1.9, "the AWS Price List's prices of eu-west-1")


def test_of_several_prices_the_dearest_counts_so_that_a_cap_holds(pricing: StubbedClient) -> None:
    assert looked_up(pricing, product("1.7"), product("1.8"), product("1.6"))[0] == 1.8


def test_other_things_prices_are_passed_over(pricing: StubbedClient) -> None:
    others = [product(component="Hosting"), product(regionCode="us-east-1"), product(instanceName="ml.g5.xlarge")]
    assert looked_up(pricing, *others, product("1.7"))[0] == 1.7


@pytest.mark.parametrize(
    "wrong",
    [
        product("0.0000000000"),
        product("-1.5"),
        product("0.4"),  # a third of the table's, and less
        product("15.15"),  # ten times the table's
        product("NaN"),
        product("Infinity"),
        product("one dollar"),
        product(unit="Quantity"),
        "{}",
        "[]",
        "null",
        "not JSON",
        '{"product": {"attributes": []}, "terms": 5}',
        product().replace('"OnDemand"', '"Reserved"'),
        product().replace('"USD"', '"CNY"'),
        "[" * 100_000,
    ],
)
def test_nonsense_is_no_price_and_the_dated_table_is_named(pricing: StubbedClient, wrong: str) -> None:
    usd, source = looked_up(pricing, wrong)
    assert usd == 1.515
    assert source == (
        "us-east-1's prices of 2026-08, which may differ from eu-west-1's, "
        "since the AWS Price List has no usable price of ml.g5.2xlarge"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["product", "attributes", "terms", "OnDemand", "priceDimensions", "pricePerUnit", "USD"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.lists(json_values.map(json.dumps) | st.text(), max_size=3))
def test_whatever_the_price_list_says_a_plausible_price_comes_of_it(products: list[str]) -> None:
    class Pricing:
        def get_products(self, **_: Any) -> dict[str, Any]:
            return {"PriceList": products}

    client: Any = Pricing()
    for name, price in look_up_prices(client, region="us-east-1", instance_types=INSTANCE_TYPES).items():
        dated = float(INSTANCE_TYPES[name].usd_per_hour)
        assert dated / 3 < price.usd_per_hour < dated * 3


def test_a_refusal_is_told_and_asked_for_once_only(pricing: StubbedClient) -> None:
    pricing.refuse("get_products", "AccessDeniedException")
    prices = look_up_prices(pricing.client, region="us-east-1", instance_types=INSTANCE_TYPES)
    assert {name: price.usd_per_hour for name, price in prices.items()} == {
        name: float(each.usd_per_hour) for name, each in INSTANCE_TYPES.items()
    }
    assert {price.source for price in prices.values()} == {
        "us-east-1's prices of 2026-08, since the AWS Price List refused (AccessDeniedException)"
    }


def test_a_service_out_of_reach_is_told() -> None:
    class Unreachable:
        def get_products(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://api.pricing.us-east-1.amazonaws.com")

    client: Any = Unreachable()
    (price,) = look_up_prices(client, region="us-east-1", instance_types=["ml.g5.xlarge"]).values()
    assert (price.usd_per_hour, price.listed) == (1.408, False)
    assert price.source == "us-east-1's prices of 2026-08, since the AWS Price List could not be reached"


def test_a_type_that_the_region_does_not_offer_is_told_from_the_others(pricing: StubbedClient) -> None:
    pricing.expect("get_products", {"PriceList": [product()]})
    pricing.expect("get_products", {"PriceList": []})
    prices = look_up_prices(pricing.client, region="eu-west-1", instance_types=["ml.g5.2xlarge", "ml.g6e.2xlarge"])
    assert [price.listed for price in prices.values()] == [True, False]
