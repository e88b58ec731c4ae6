"""The gate's two decisions on a model that a run has trained."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.mark.usefixtures("dataset_version")
def test_a_model_below_the_gate_is_told_and_not_registered(deployed: Deployed) -> None:
    execution = deployed.run(epochs=1)
    assert execution.status == "SUCCEEDED", execution.cause
    assert execution.states[-4:] == ("GateNotMet", "Finalise", "HasSucceeded", "Succeeded")
    message = deployed.message_of(execution)["Message"]
    assert "The gate is not met: The F1 of room is " in message
    assert "below 0.895" in message
    assert packages(deployed, execution.arn) == []


def test_a_model_that_meets_the_gate_waits_in_the_registry_for_approval(
    deployed: Deployed, dataset_version: str
) -> None:
    execution = deployed.run(epochs=1, quality_gate={"room": 0.0})
    assert execution.status == "SUCCEEDED", execution.cause
    assert "Registered" in execution.states
    (package,) = packages(deployed, execution.arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert execution.job is not None
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == execution.job.model_artifact
    told = package["CustomerMetadataProperties"]
    assert told["dataset_version"] == dataset_version
    assert 0 <= float(told["ap"]) <= 1
    assert 0 <= float(told["f1.room"]) <= 1
    assert package["ModelPackageArn"] in deployed.message_of(execution)["Message"]


def packages(deployed: Deployed, execution: str) -> list[Any]:
    """The registry's packages that an execution has registered."""
    sagemaker = deployed.session.client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="floorplan-dino")["ModelPackageSummaryList"]
    found = [sagemaker.describe_model_package(ModelPackageName=each["ModelPackageArn"]) for each in listed]
    return [each for each in found if each["CustomerMetadataProperties"]["execution"] == execution]
