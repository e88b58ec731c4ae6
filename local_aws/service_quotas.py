"""Service Quotas of SageMaker's training jobs: how many instances of a type may run, apart for spot and on-demand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from local_aws.api_errors import ApiError
from local_aws.aws_json import Operation, Permission
from local_aws.pages import page
from local_aws.request_shapes import service_model

SERVICE = "sagemaker"
# New accounts often have 0, and so can a test; here is enough for all else.
DEFAULT = 10.0


class ServiceQuotas:
    """Two quotas for each instance type that SageMaker trains on; `set` changes one."""

    name = "service-quotas"

    def __init__(self, region: str, account: str) -> None:
        self._arn = f"arn:aws:servicequotas:{region}:{account}:{SERVICE}"
        types = service_model(SERVICE).shape_for("TrainingInstanceType").enum  # type: ignore[attr-defined]
        self._values = {quota_name(name, spot=spot): DEFAULT for name in types for spot in (False, True)}
        self.operations: dict[str, Operation] = {
            "ListServiceQuotas": self.list_service_quotas,
            "GetServiceQuota": self.get_service_quota,
        }

    def set(self, instance_type: str, value: float, *, spot: bool) -> None:
        """The account may run `value` instances of the type at a time. Raises KeyError for a type that is none."""
        name = quota_name(instance_type, spot=spot)
        if name not in self._values:
            raise KeyError(name)
        self._values[name] = float(value)

    def reset(self) -> None:
        """All quotas as they were at first."""
        self._values = dict.fromkeys(self._values, DEFAULT)

    def value(self, instance_type: str, *, spot: bool) -> float:
        """How many instances of the type may run."""
        return self._values[quota_name(instance_type, spot=spot)]

    def permissions(self, operation: str, request: dict[str, Any]) -> Sequence[Permission]:
        """Listing knows no resources, a single quota is one."""
        resource = f"{self._arn}/{request['QuotaCode']}" if operation == "GetServiceQuota" else "*"
        return [Permission(f"servicequotas:{operation}", resource)]

    def list_service_quotas(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListServiceQuotas."""
        wanted = request.get("QuotaCode")
        found = [quota for quota in self._quotas(request) if wanted in (None, quota["QuotaCode"])]
        quotas, more = page(found, request, longest=100, refusal="InvalidPaginationTokenException")
        return {"Quotas": quotas, **more}

    def get_service_quota(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetServiceQuota."""
        for quota in self._quotas(request):
            if quota["QuotaCode"] == request["QuotaCode"]:
                return {"Quota": quota}
        raise ApiError("NoSuchResourceException", "The request failed because the specified quota does not exist.")

    def _quotas(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        if request["ServiceCode"] != SERVICE:
            raise ApiError(
                "NoSuchResourceException", "The request failed because the specified service does not exist."
            )
        return [
            {
                "ServiceCode": SERVICE,
                "ServiceName": "Amazon SageMaker",
                "QuotaArn": f"{self._arn}/{quota_code(name)}",
                "QuotaCode": quota_code(name),
                "QuotaName": name,
                "Value": value,
                "Unit": "None",
                "Adjustable": True,
                "GlobalQuota": False,
                "QuotaAppliedAtLevel": "ACCOUNT",
            }
            for name, value in self._values.items()
        ]


def quota_name(instance_type: str, *, spot: bool) -> str:
    """The quota's name in Service Quotas and in the words of a refusal."""
    return f"{instance_type} for {'spot ' if spot else ''}training job usage"


def quota_code(name: str) -> str:
    """L- and eight hexadecimal digits, here from the name."""
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
