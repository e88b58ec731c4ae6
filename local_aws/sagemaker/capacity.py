"""Which of its instance types a training job gets: by the account's quotas, then by AWS's capacity."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from local_aws.api_errors import ApiError
from local_aws.faults import Capacity, Faults
from local_aws.sagemaker.errors import JobFailedError
from local_aws.service_quotas import ServiceQuotas, quota_name

NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)


def check_quotas(
    instance_types: Sequence[str],
    count: int,
    *,
    spot: bool,
    counted: Collection[tuple[str, bool]],
    quotas: ServiceQuotas,
) -> None:
    """Refuse a job if the quota of any of its types has no `count` left; raises ApiError in the service's words.

    counted: type and spot of each instance that counts.
    """
    for name in instance_types:
        used = sum(other == (name, spot) for other in counted)
        if used + count > quotas.value(name, spot=spot):
            raise ApiError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{quota_name(name, spot=spot)}' is "
                f"{quotas.value(name, spot=spot):.0f} Instances, with current utilization of {used} Instances and a "
                f"request delta of {count} Instances. Please use AWS Service Quotas to request an increase for this "
                "quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this "
                "quota.",
            )


def take_instance(instance_types: Sequence[str], *, spot: bool, faults: Faults) -> str | None:
    """The first type that is available; None while one is pending. Raises JobFailedError if there will be none."""
    capacities = {name: faults.capacity(name, spot=spot) for name in instance_types}
    for name, capacity in capacities.items():
        if capacity is Capacity.AVAILABLE:
            return name
    if Capacity.PENDING in capacities.values():
        return None
    raise JobFailedError(NO_CAPACITY)
