"""Service Quotas for SageMaker's training jobs: how many instances of a type may run, on spot and on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_aws.api_errors import ApiError, check_embedded
from local_aws.aws_json import Operation, Permission
from local_aws.pages import page
from local_aws.request_shapes import service_model

SERVICE = "sagemaker"
# New accounts often have 0, which a test can set; this is enough for everything else.
DEFAULT = 10.0


class ServiceQuotas:
    """Two quotas for each instance type that SageMaker trains on; `set` changes one."""

    name = "service-quotas"

    def __init__(self) -> None:
        types = service_model(SERVICE).shape_for("TrainingInstanceType").enum  # type: ignore[attr-defined]
        self._values = {quota_name(name, spot=spot): DEFAULT for name in types for spot in (False, True)}
        self.operations: dict[str, Operation] = {"ListServiceQuotas": self.list_service_quotas}

    def set(self, instance_type: str, value: float, *, spot: bool) -> None:
        """The account may run `value` instances of the type at a time. Raises KeyError for an unknown type."""
        name = quota_name(instance_type, spot=spot)
        if name not in self._values:
            raise KeyError(name)
        self._values[name] = float(value)

    def reset(self) -> None:
        """Set all quotas to their defaults."""
        self._values = dict.fromkeys(self._values, DEFAULT)

    def value(self, instance_type: str, *, spot: bool) -> float:
        """How many instances of the type may run."""
        return self._values[quota_name(instance_type, spot=spot)]

    def permissions(self, operation: str, request: dict[str, Any]) -> Sequence[Permission]:
        """ListServiceQuotas is not limited to resources."""
        return [Permission(f"servicequotas:{operation}", "*")]

    def list_service_quotas(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListServiceQuotas."""
        check_embedded(request, ("ServiceCode", "MaxResults", "NextToken"))
        if request["ServiceCode"] != SERVICE:
            raise ApiError(
                "NoSuchResourceException", "The request failed because the specified service does not exist."
            )
        quotas = [{"ServiceCode": SERVICE, "QuotaName": name, "Value": value} for name, value in self._values.items()]
        chosen, more = page(quotas, request, longest=100, refusal="InvalidPaginationTokenException")
        return {"Quotas": chosen, **more}


def quota_name(instance_type: str, *, spot: bool) -> str:
    """The quota's name in Service Quotas and in the words of a refusal."""
    return f"{instance_type} for {'spot ' if spot else ''}training job usage"
