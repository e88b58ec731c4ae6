"""The price of an hour of training on an instance type: by the AWS Price List, or else by the dated table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws_errors import error_code
from pipeline.instance_types import INSTANCE_TYPES, PRICES_DATE, PRICES_REGION

if TYPE_CHECKING:
    from mypy_boto3_pricing import PricingClient

_ODD_FACTOR = 3
"""The regions differ less than twofold; a price this far from the table's is another thing's price."""
_HOURS = frozenset({"hrs", "hr", "hours", "hour"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The on-demand price of an hour of training on one instance type."""

    usd_per_hour: float
    source: str
    """Where it is from, as a clause."""
    listed: bool
    """Whether the Price List has it; it has none for a type that the region does not offer."""


def look_up_prices(pricing: PricingClient, *, region: str, instance_types: Iterable[str]) -> dict[str, Price]:
    """Each type's price in `region` by the Price List, or by the dated table where that has none.

    Raises nothing for a service that cannot be reached, refuses or answers nonsense: the prices' sources tell of it.
    """
    prices: dict[str, Price] = {}
    unavailable: str | None = None
    for name in instance_types:
        listed = None
        if unavailable is None:  # or else each further type would wait for nothing, too
            try:
                listed = _listed_price(pricing, region=region, instance_type=name)
            except ClientError as error:
                unavailable = f"the AWS Price List refused ({error_code(error)})"
            except BotoCoreError:
                unavailable = "the AWS Price List could not be reached"
        if listed is not None:
            source = f"the AWS Price List's prices of {region}"
            prices[name] = Price(usd_per_hour=float(listed), source=source, listed=True)
        else:
            prices[name] = _dated(name, region, unavailable or f"the AWS Price List has no usable price of {name}")
    return prices


def _dated(instance_type: str, region: str, reason: str) -> Price:
    elsewhere = "" if region == PRICES_REGION else f", which may differ from {region}'s"
    return Price(
        usd_per_hour=float(INSTANCE_TYPES[instance_type].usd_per_hour),
        source=f"{PRICES_REGION}'s prices of {PRICES_DATE}{elsewhere}, since {reason}",
        listed=False,
    )


def _listed_price(pricing: PricingClient, *, region: str, instance_type: str) -> Decimal | None:
    """The dearest price that can be that of an hour, so that a cap holds; None if there is none."""
    wanted = {"regionCode": region, "instanceName": instance_type, "component": "Training"}
    answer = pricing.get_products(
        ServiceCode="AmazonSageMaker",
        FormatVersion="aws_v1",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
    )
    expected = INSTANCE_TYPES[instance_type].usd_per_hour
    prices = (
        price
        for text in answer.get("PriceList", [])
        for product in [_object(_json(text))]
        if _attributes_match(product, wanted)
        for price in _hourly_prices(product)
    )
    return max((price for price in prices if expected / _ODD_FACTOR < price < expected * _ODD_FACTOR), default=None)


def _attributes_match(product: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    attributes = _object(_object(product.get("product")).get("attributes"))
    return all(attributes.get(field) == value for field, value in wanted.items())


def _hourly_prices(product: Mapping[str, Any]) -> Iterator[Decimal]:
    """Each on-demand price in USD an hour of one product of the Price List.

    Source: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
    """
    for term in _object(_object(product.get("terms")).get("OnDemand")).values():
        for dimension in _object(_object(term).get("priceDimensions")).values():
            fields = _object(dimension)
            if str(fields.get("unit")).lower() in _HOURS:
                try:
                    price = Decimal(str(_object(fields.get("pricePerUnit")).get("USD")))
                except InvalidOperation:
                    continue
                if price.is_finite():
                    yield price


def _json(text: object) -> object:
    try:
        return json.loads(str(text))
    except (ValueError, RecursionError):
        return None


def _object(value: object) -> Mapping[str, Any]:
    """`value` if it is a JSON object, or else an empty one."""
    return value if isinstance(value, dict) else {}
