"""SageMaker as the embedded AWS has it: training jobs and the model registry behind one endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_aws.aws_json import Operation, Permission
from local_aws.sagemaker.model_registry import ModelRegistry
from local_aws.sagemaker.training_jobs import TrainingJobs


class SageMaker:
    """The service: its operations, and the permissions that each needs."""

    name = "sagemaker"

    def __init__(self, jobs: TrainingJobs, registry: ModelRegistry) -> None:
        self._jobs = jobs
        self._registry = registry
        self.operations: dict[str, Operation] = {**jobs.operations, **registry.operations}

    def permissions(self, operation: str, request: dict[str, Any]) -> Sequence[Permission]:
        """What the caller needs: the operation on what it names, and for a new job its tags and its role."""
        needed = [Permission(f"sagemaker:{operation}", resource) for resource in self._resources(operation, request)]
        if operation.startswith("Create") and request.get("Tags"):
            needed += [Permission("sagemaker:AddTags", permission.resource) for permission in needed]
        if operation == "CreateTrainingJob":
            passed = {"iam:PassedToService": "sagemaker.amazonaws.com"}
            needed.append(Permission("iam:PassRole", request["RoleArn"], passed))
        return needed

    def _resources(self, operation: str, request: dict[str, Any]) -> list[str]:
        if operation == "ListModelPackages":
            return ["*"]  # AWS does not say which ARN it checks: this way only what surely works does so here
        if "TrainingJobName" in request:
            return [self._jobs.arn(request["TrainingJobName"])]
        if "ResourceArn" in request:
            return [str(request["ResourceArn"])]
        if operation == "CreateModelPackage":
            group = request.get("ModelPackageGroupName", "")
            return [self._registry.group_arn(group), self._registry.next_package_arn(group)]
        if "ModelPackageGroupName" in request:
            return [self._registry.group_arn(request["ModelPackageGroupName"])]
        package = request.get("ModelPackageArn") or request.get("ModelPackageName")
        return [self._registry.package_arn(package) if package else "*"]
