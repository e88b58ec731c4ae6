"""How many instances of a type the account may train on: SageMaker's quotas, apart for spot and on-demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws_errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_service_quotas import ServiceQuotasClient

_PAGES = 60
"""SageMaker has some two thousand quotas, a hundred a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The account's quotas by their names; a quota that is not there is not known."""

    values: Mapping[str, float]
    note: str | None = None
    """Why quotas are not known, as a sentence; None if they are."""

    def allows(self, instance_type: str, *, spot: bool) -> bool:
        """Whether a job on one instance would be let start, as far as is known."""
        return self.values.get(quota_name(instance_type, spot=spot), 1) >= 1


def quota_name(instance_type: str, *, spot: bool) -> str:
    """As Service Quotas lists it."""
    return f"{instance_type} for {'spot ' if spot else ''}training job usage"


def look_up_quotas(service_quotas: ServiceQuotasClient) -> Quotas:
    """All quotas of training jobs. Raises nothing: what cannot be looked up is not known, and SageMaker will tell."""
    values: dict[str, float] = {}
    try:
        pages = service_quotas.get_paginator("list_service_quotas").paginate(
            ServiceCode="sagemaker", PaginationConfig={"PageSize": 100, "MaxItems": 100 * _PAGES}
        )
        for page in pages:
            for quota in page.get("Quotas", []):
                name, value = quota.get("QuotaName"), quota.get("Value")
                if name and value is not None and name.endswith("training job usage"):
                    values[name] = value
    except ClientError as error:
        return Quotas(values=values, note=f"The quotas are not known: Service Quotas refused ({error_code(error)}).")
    except BotoCoreError:
        return Quotas(values=values, note="The quotas are not known: Service Quotas could not be reached.")
    return Quotas(values=values)


def quotas_link(region: str) -> str:
    """The console's page on which a higher quota is asked for."""
    return f"https://{region}.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas"
