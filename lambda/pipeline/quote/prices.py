"""The price of an hour of training on an instance type: from the AWS Price List, or else from the dated table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from botocore.exceptions import BotoCoreError, ClientError

from dataset_contract.bounded_json import parse_bounded
from pipeline.aws_errors import error_code
from pipeline.client_types import PricingClient
from pipeline.instance_types import INSTANCE_TYPES, PRICES_DATE, PRICES_REGION

_ODD_FACTOR = 3
"""Regions differ by less than a factor of two: a price this far from the table's is not that of an hour of training."""
_HOURS = frozenset({"hrs", "hr", "hours", "hour"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The on-demand price of an hour of training on one instance type."""

    usd_per_hour: float
    source: str
    """Where the price comes from, as a clause."""
    listed: bool
    """Whether it is from the Price List, which has none for a type that the region does not offer."""


def look_up_prices(pricing: PricingClient, *, region: str, instance_types: Iterable[str]) -> dict[str, Price]:
    """Each type's price in `region` from the Price List, or from the dated table where that has none.

    Raises nothing: the source of each price tells that the Price List could not be reached, refused or was unusable.
    """
    prices: dict[str, Price] = {}
    unavailable: str | None = None
    for name in instance_types:
        listed = None
        if unavailable is None:  # else each further type would wait for nothing
            try:
                listed = listed_price(pricing, region=region, instance_type=name)
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


def listed_price(pricing: PricingClient, *, region: str, instance_type: str) -> Decimal | None:
    """The Price List's highest plausible price of an hour, so that a cap holds; None if there is none.

    Raises ClientError or BotoCoreError.
    """
    wanted = {"regionCode": region, "instanceName": instance_type, "component": "Training"}
    answer = pricing.get_products(
        ServiceCode="AmazonSageMaker",
        FormatVersion="aws_v1",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()],
    )
    expected = INSTANCE_TYPES[instance_type].usd_per_hour
    prices = [price for product in answer.get("PriceList", []) for price in _hourly_prices(product, wanted)]
    return max((price for price in prices if expected / _ODD_FACTOR < price < expected * _ODD_FACTOR), default=None)


def _hourly_prices(text: object, wanted: Mapping[str, str]) -> list[Decimal]:
    """The on-demand prices in USD an hour of one product; none if it is another product or not as documented.

    Source: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
    """
    try:
        product = parse_bounded(str(text))
        if not wanted.items() <= product["product"]["attributes"].items():
            return []
        terms = product["terms"]["OnDemand"].values()
        dimensions = [dimension for term in terms for dimension in term["priceDimensions"].values()]
        hourly = [each["pricePerUnit"]["USD"] for each in dimensions if each["unit"].lower() in _HOURS]
        return [price for price in map(Decimal, map(str, hourly)) if price.is_finite()]
    except (ValueError, LookupError, TypeError, AttributeError, InvalidOperation):
        return []
