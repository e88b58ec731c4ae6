"""How many instances of a type the account may train on: SageMaker's quotas, separate for spot and on demand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws_errors import error_code
from pipeline.client_types import ServiceQuotasClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The account's quotas by name; a quota that is missing is not known."""

    values: Mapping[str, float]
    note: str | None = None
    """Why quotas are not known, as a sentence; None if they are known."""

    def allows(self, instance_type: str, *, spot: bool, count: int = 1, if_unknown: bool = True) -> bool:
        """Whether a job on `count` instances may start."""
        value = self.values.get(quota_name(instance_type, spot=spot))
        return if_unknown if value is None else value >= count


def quota_name(instance_type: str, *, spot: bool) -> str:
    """As Service Quotas lists it."""
    return f"{instance_type} for {'spot ' if spot else ''}training job usage"


def look_up_quotas(service_quotas: ServiceQuotasClient) -> Quotas:
    """All quotas of training jobs. Raises nothing: SageMaker refuses a job for a quota that could not be looked up."""
    values: dict[str, float] = {}
    try:
        for name, value in listed_quotas(service_quotas):
            values[name] = value
    except ClientError as error:
        return Quotas(values=values, note=f"The quotas are not known: Service Quotas refused ({error_code(error)}).")
    except BotoCoreError:
        return Quotas(values=values, note="The quotas are not known: Service Quotas could not be reached.")
    return Quotas(values=values)


def listed_quotas(service_quotas: ServiceQuotasClient) -> Iterator[tuple[str, float]]:
    """Name and value of each quota of training jobs. Raises ClientError or BotoCoreError."""
    pages = service_quotas.get_paginator("list_service_quotas").paginate(
        ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}
    )
    for page in pages:
        for quota in page.get("Quotas", []):
            name, value = quota.get("QuotaName"), quota.get("Value")
            if name and value is not None and name.endswith("training job usage"):
                yield name, value


def quotas_link(region: str) -> str:
    """The console's page where one asks for a higher quota."""
    return f"https://{region}.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas"
