"""The AWS Price List: what an hour of training on an instance type costs, in the real service's nested JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pipeline.instance_types import INSTANCE_TYPES

from local_aws.api_errors import ApiError, check_embedded, not_embedded
from local_aws.aws_json import Operation, Permission

SERVICE = "AmazonSageMaker"
# An endpoint (Hosting) costs the same and is listed so that a reader has to filter it out.
COMPONENTS = {"Training": "Train", "Hosting": "Host"}


class PriceList:
    """The products of SageMaker."""

    name = "pricing"

    def __init__(self, region: str) -> None:
        self._region = region
        self.operations: dict[str, Operation] = {"GetProducts": self.get_products}

    def permissions(self, operation: str, request: dict[str, Any]) -> Sequence[Permission]:
        """The Price List has no resources."""
        return [Permission(f"pricing:{operation}", "*")]

    def get_products(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetProducts, on one page: each product is a string that holds JSON."""
        check_embedded(request, ("ServiceCode", "FormatVersion", "Filters"))
        if request["ServiceCode"] != SERVICE:
            raise ApiError("NotFoundException", f"The service {request['ServiceCode']} is not found.")
        products = [
            product(name, component, str(instance_type.usd_per_hour), self._region)
            for name, instance_type in INSTANCE_TYPES.items()
            for component in COMPONENTS
        ]
        found = [each for each in products if all(matches(each, wanted) for wanted in request.get("Filters", []))]
        return {"FormatVersion": "aws_v1", "PriceList": [json.dumps(each) for each in found]}


def matches(product: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Whether the product's attribute has the filter's value; raises ApiError for other types of filters."""
    if wanted["Type"] != "TERM_MATCH":
        raise not_embedded(f"filters of type {wanted['Type']}")
    return str(product["product"]["attributes"].get(wanted["Field"], "")).lower() == wanted["Value"].lower()


def product(instance_type: str, component: str, usd_per_hour: str, region: str) -> dict[str, Any]:
    """One product in the shape of the Price List, without members that only describe it.

    Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
    """
    usage_type = f"USE1-{COMPONENTS[component]}:{instance_type}"
    sku = code(usage_type)
    term = f"{sku}.{code('OnDemand')}"
    rate = f"{term}.{code('Hrs')}"
    dimension = {"unit": "Hrs", "rateCode": rate, "pricePerUnit": {"USD": usd_per_hour}}
    return {
        "product": {
            "productFamily": "ML Instance",
            "attributes": {
                "servicecode": SERVICE,
                "regionCode": region,
                "instanceName": instance_type,
                "instanceType": f"{instance_type}-{component}",
                "component": component,
                "usagetype": usage_type,
            },
            "sku": sku,
        },
        "serviceCode": SERVICE,
        "terms": {"OnDemand": {term: {"priceDimensions": {rate: dimension}, "sku": sku}}},
    }


def code(text: str) -> str:
    """A code as the Price List gives out: sixteen capital letters and digits that depend on the text alone."""
    return hashlib.sha256(text.encode()).hexdigest()[:16].upper()
