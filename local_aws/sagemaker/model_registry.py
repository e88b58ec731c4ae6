"""The model registry: groups of numbered model packages, each with a state of approval."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from local_aws.api_errors import invalid, not_embedded
from local_aws.aws_json import Operation
from local_aws.pages import page
from local_aws.sagemaker.training_job_rules import check_tags

# What DescribeModelPackage gives back as it was given to CreateModelPackage, or by UpdateModelPackage.
KEPT = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "AdditionalInferenceSpecifications",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "SkipModelValidation",
    "SourceUri",
    "ModelLifeCycle",
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
        self._groups: dict[str, dict[str, Any]] = {}
        self._packages: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, str] = {}
        self.operations: dict[str, Operation] = {
            "CreateModelPackageGroup": self.create_group,
            "DescribeModelPackageGroup": self.describe_group,
            "CreateModelPackage": self.create,
            "DescribeModelPackage": self.describe,
            "ListModelPackages": self.list_packages,
            "UpdateModelPackage": self.update,
        }

    def group_arn(self, name_or_arn: str) -> str:
        """The ARN of a group, existing or not."""
        return f"{self._prefix}:model-package-group/{name_or_arn.rpartition('/')[2]}"

    def package_arn(self, name_or_arn: str) -> str:
        """The ARN of "group/version", existing or not."""
        return name_or_arn if name_or_arn.startswith("arn:") else f"{self._prefix}:model-package/{name_or_arn}"

    def next_package_arn(self, group: str) -> str:
        """The ARN that the group's next package will have."""
        name = group.rpartition("/")[2]
        return self.package_arn(f"{name}/{len(self._versions(name)) + 1}")

    def create_group(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModelPackageGroup."""
        name = request["ModelPackageGroupName"]
        check_tags(request.get("Tags", []))
        arn = self.group_arn(name)
        with self._lock:
            if name in self._groups:
                raise invalid(f"Model Package Group already exists: {arn}")
            description = request.get("ModelPackageGroupDescription")
            self._groups[name] = {
                "ModelPackageGroupName": name,
                "ModelPackageGroupArn": arn,
                **({"ModelPackageGroupDescription": description} if description else {}),
                "CreationTime": datetime.now(UTC),
                "CreatedBy": {},
                "ModelPackageGroupStatus": "Completed",
            }
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeModelPackageGroup."""
        return self._group(request["ModelPackageGroupName"])

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateModelPackage: the group's next version; the same ClientToken gives the same package."""
        if "ModelPackageGroupName" not in request:
            raise not_embedded("model packages outside a group")
        if "ModelPackageName" in request:
            raise invalid("Both ModelPackageName and ModelPackageGroupName cannot be specified.")
        if request.get("Tags"):
            raise invalid("Tags cannot be given to a versioned model package; tag its group.")
        token = request.get("ClientToken")
        with self._lock:
            group = self._group(request["ModelPackageGroupName"])["ModelPackageGroupName"]
            if token in self._tokens:
                return {"ModelPackageArn": self._tokens[token]}
            arn = self.next_package_arn(group)
            now = datetime.now(UTC)
            self._packages[arn] = {
                **{member: request[member] for member in KEPT if member in request},
                # On AWS too the name of a version is its group's.
                "ModelPackageName": group,
                "ModelPackageGroupName": group,
                "ModelPackageVersion": int(arn.rpartition("/")[2]),
                "ModelPackageArn": arn,
                "CreationTime": now,
                "LastModifiedTime": now,
                "CreatedBy": {},
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CertifyForMarketplace": request.get("CertifyForMarketplace", False),
                "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
            }
            if token:
                self._tokens[token] = arn
        return {"ModelPackageArn": arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeModelPackage."""
        return dict(self._package(request["ModelPackageName"]))

    def list_packages(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListModelPackages: the summaries that its filters leave, oldest first if nothing else is asked for."""
        group = request.get("ModelPackageGroupName")
        found: list[dict[str, Any]] = []  # those outside groups, which is the default, of which there are none
        if group is not None or request.get("ModelPackageType", "Unversioned") != "Unversioned":
            found = self._versions(self._group(group)["ModelPackageGroupName"] if group else None)
        approval, words = request.get("ModelApprovalStatus"), request.get("NameContains", "")
        after, before = request.get("CreationTimeAfter"), request.get("CreationTimeBefore")
        found = [
            package
            for package in found
            if approval in (None, package["ModelApprovalStatus"])
            and words in package["ModelPackageName"]
            and (after is None or package["CreationTime"].timestamp() > after)
            and (before is None or package["CreationTime"].timestamp() < before)
        ]
        sort_by = "ModelPackageName" if request.get("SortBy") == "Name" else "CreationTime"
        found.sort(
            key=lambda package: (package[sort_by], package["ModelPackageVersion"]),
            reverse=request.get("SortOrder") == "Descending",
        )
        summaries = [{name: package[name] for name in IN_LISTS if name in package} for package in found]
        chosen, more = page(summaries, request, longest=10, refusal="ValidationException")
        return {"ModelPackageSummaryList": chosen, **more}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateModelPackage: approval and metadata."""
        with self._lock:
            package = self._package(request["ModelPackageArn"])
            metadata = package.get("CustomerMetadataProperties", {}) | request.get("CustomerMetadataProperties", {})
            for name in request.get("CustomerMetadataPropertiesToRemove", []):
                metadata.pop(name, None)
            given = ("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "SourceUri")
            package |= {member: request[member] for member in given if member in request}
            package |= {"CustomerMetadataProperties": metadata, "LastModifiedTime": datetime.now(UTC)}
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def _versions(self, group: str | None) -> list[dict[str, Any]]:
        return [
            package
            for package in list(self._packages.values())
            if group is None or package["ModelPackageGroupName"] == group
        ]

    def _group(self, name_or_arn: str) -> dict[str, Any]:
        group = self._groups.get(name_or_arn.rpartition("/")[2])
        if group is None:
            raise invalid(f"ModelPackageGroup {self.group_arn(name_or_arn)} does not exist.")
        return group

    def _package(self, name_or_arn: str) -> dict[str, Any]:
        package = self._packages.get(self.package_arn(name_or_arn))
        if package is None:
            raise invalid(f"ModelPackage {self.package_arn(name_or_arn)} does not exist.")
        return package
