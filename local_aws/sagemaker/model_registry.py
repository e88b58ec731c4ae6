"""The model registry: groups of numbered model packages, each with an approval status."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from local_aws.api_errors import check_embedded, invalid, not_embedded
from local_aws.aws_json import Operation
from local_aws.pages import page

# What DescribeModelPackage returns as CreateModelPackage or UpdateModelPackage got it.
RETURNED = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "ModelMetrics",
    "CustomerMetadataProperties",
    "ModelApprovalStatus",
    "ApprovalDescription",
)
IN_LISTS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
)


class ModelRegistry:
    """All groups and packages. Packages outside a group (for the Marketplace) are not embedded."""

    def __init__(self, *, region: str, account: str) -> None:
        self._prefix = f"arn:aws:sagemaker:{region}:{account}"
        self._lock = threading.Lock()
        self._groups: dict[str, list[dict[str, Any]]] = {}
        self._packages: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, str] = {}
        self.operations: dict[str, Operation] = {
            "CreateModelPackageGroup": self.create_group,
            "CreateModelPackage": self.create,
            "DescribeModelPackage": self.describe,
            "ListModelPackages": self.list_packages,
            "UpdateModelPackage": self.update,
        }

    def group_arn(self, name_or_arn: str) -> str:
        """The ARN of a group, existing or not."""
        return f"{self._prefix}:model-package-group/{group_name(name_or_arn)}"

    def package_arn(self, name_or_arn: str) -> str:
        """The ARN of "group/version", existing or not."""
        return name_or_arn if name_or_arn.startswith("arn:") else f"{self._prefix}:model-package/{name_or_arn}"

    def next_package_arn(self, group: str) -> str:
        """The ARN that the group's next package will have."""
        name = group_name(group)
        return self.package_arn(f"{name}/{len(self._groups.get(name, [])) + 1}")

    def create_group(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModelPackageGroup."""
        check_embedded(request, ("ModelPackageGroupName", "ModelPackageGroupDescription"))
        name = request["ModelPackageGroupName"]
        with self._lock:
            if name in self._groups:
                raise invalid(f"Model Package Group already exists: {self.group_arn(name)}")
            self._groups[name] = []
        return {"ModelPackageGroupArn": self.group_arn(name)}

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModelPackage: the group's next version; the same ClientToken gives the same package."""
        if "ModelPackageGroupName" not in request:
            raise not_embedded("model packages outside a group")
        if "ModelPackageName" in request:
            raise invalid("Both ModelPackageName and ModelPackageGroupName cannot be specified.")
        if request.get("Tags"):
            raise invalid("Tags cannot be given to a versioned model package; tag its group.")
        check_embedded(request, (*RETURNED, "ModelPackageGroupName", "ClientToken"))
        group, token = group_name(request["ModelPackageGroupName"]), request.get("ClientToken")
        with self._lock:
            versions = self._versions(group)
            if token in self._tokens:
                return {"ModelPackageArn": self._tokens[token]}
            arn = self.next_package_arn(group)
            package = {
                "ModelApprovalStatus": "PendingManualApproval",
                **{member: request[member] for member in RETURNED if member in request},
                # On AWS too the name of a version is its group's.
                "ModelPackageName": group,
                "ModelPackageGroupName": group,
                "ModelPackageVersion": len(versions) + 1,
                "ModelPackageArn": arn,
                "CreationTime": datetime.now(UTC),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            }
            versions.append(package)
            self._packages[arn] = package
            if token:
                self._tokens[token] = arn
        return {"ModelPackageArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeModelPackage."""
        return dict(self._package(request["ModelPackageName"]))

    def list_packages(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListModelPackages of a group by creation time, oldest first if nothing else is asked for.

        A page has those of its packages that are asked for, so it may be empty and have a next one. Source: AWS's own
        clients ask on (get_approved_package in its MLOps templates).
        """
        check_embedded(
            request, ("ModelPackageGroupName", "ModelApprovalStatus", "SortBy", "SortOrder", "MaxResults", "NextToken")
        )
        if "ModelPackageGroupName" not in request:
            raise not_embedded("lists of model packages without a group")
        if request.get("SortBy", "CreationTime") != "CreationTime":
            raise not_embedded("lists of model packages by name")
        approval = request.get("ModelApprovalStatus")
        summaries = [
            {name: package[name] for name in IN_LISTS if name in package}
            for package in self._versions(group_name(request["ModelPackageGroupName"]))
        ]
        if request.get("SortOrder") == "Descending":
            summaries.reverse()
        chosen, more = page(summaries, request, longest=10, refusal="ValidationException")
        found = [each for each in chosen if approval in (None, each["ModelApprovalStatus"])]
        return {"ModelPackageSummaryList": found, **more}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateModelPackage: its approval."""
        check_embedded(request, ("ModelPackageArn", "ModelApprovalStatus", "ApprovalDescription"))
        with self._lock:
            self._package(request["ModelPackageArn"]).update(request | {"LastModifiedTime": datetime.now(UTC)})
        return {"ModelPackageArn": request["ModelPackageArn"]}

    def _versions(self, group: str) -> list[dict[str, Any]]:
        if group not in self._groups:
            raise invalid(f"ModelPackageGroup {self.group_arn(group)} does not exist.")
        return self._groups[group]

    def _package(self, name_or_arn: str) -> dict[str, Any]:
        package = self._packages.get(self.package_arn(name_or_arn))
        if package is None:
            raise invalid(f"ModelPackage {self.package_arn(name_or_arn)} does not exist.")
        return package


def group_name(name_or_arn: str) -> str:
    """The group's name, which ends its ARN."""
    return name_or_arn.rpartition("/")[2]
