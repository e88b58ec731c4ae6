"""What a model is compared with: baselines in the bucket, and the model of an earlier run, where a later one starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runs import __main__ as runs
from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180), pytest.mark.usefixtures("dataset_version")]


def test_a_model_is_compared_with_baselines_and_trained_further_and_the_two_are_compared(
    deployed: Deployed, tmp_path: Path
) -> None:
    deployed.upload_plans("dino-data")
    plans = put_baselines(deployed)
    first = deployed.run(epochs=1, quality_gate={"room": 0.0})
    assert first.status == "SUCCEEDED", first.cause
    told = deployed.message_of(first)["Message"]
    assert (
        f"Compared with the baseline yolo on the {plans} of the test split:\n"
        f"yolo and the new model: no difference in rooms that {plans} can show: F1 1.000 against"
    ) in told
    assert "The baseline old is not compared: predictions.json is about other images: 0 of its 1 are plans" in told
    sagemaker = deployed.session.client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="floorplan-dino")["ModelPackageSummaryList"]
    package = next(each["ModelPackageArn"] for each in listed if each["ModelApprovalStatus"] == "PendingManualApproval")
    properties = sagemaker.describe_model_package(ModelPackageName=package)["CustomerMetadataProperties"]
    assert "against 1.0000" in properties["baseline.yolo.coco.f1.room"]
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Rejected")
    name = first.arn.rsplit(":", 1)[-1]
    second = deployed.run(epochs=1, continue_from=name)
    assert second.status == "SUCCEEDED", second.cause
    assert first.job is not None
    assert second.job is not None
    log = deployed.log_of(deployed.jobs_of(second)[0])
    assert "tensors taken as they are" in log
    assert "learning_rate=7e-05" in log
    message = deployed.message_of(second)["Message"]
    assert (
        f"It started from the weights {first.job.model_artifact}. It continues the model of the run {name}" in message
    )
    names = [second.arn.rsplit(":", 1)[-1], name]
    assert runs.main(["compare", *names, "--to", str(tmp_path)]) == 0
    assert list(json.loads((tmp_path / "metrics.json").read_text())["models"]) == names
    assert (tmp_path / "report.html").is_file()
    refused = deployed.run(preset="test", continue_from=name)
    deployed.assert_failed(refused, "RequestInvalid", "continue_from", "start again with the preset tiny")
    assert refused.job is None


def put_baselines(deployed: Deployed) -> str:
    """A perfect one of the default data set's test split, and one of other images; the split's plans in words."""
    truth = json.loads(deployed.object("dino-data/test/annotations.json"))
    found = [
        {"image_id": box["image_id"], "category_id": box["category_id"], "bbox": box["bbox"], "score": 0.9}
        for box in truth["annotations"]
    ]
    names = "".join(f"{category['id']}:{category['name']}\n" for category in truth["categories"])
    deployed.put("baselines/yolo/predictions.json", json.dumps(found).encode())
    deployed.put("baselines/yolo/classes.txt", names.encode())
    deployed.put("baselines/old/predictions.json", json.dumps([found[0] | {"image_id": 999_999}]).encode())
    return "1 plan" if len(truth["images"]) == 1 else f"{len(truth['images'])} plans"
