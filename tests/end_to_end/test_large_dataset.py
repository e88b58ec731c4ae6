"""A data set that is too large for one function is checked in batches by a distributed map, under enforced IAM."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pipeline.dataset.batches import BATCH_IMAGES, LARGEST_WHOLE

from dataset_contract.layout import MANIFEST, image_path
from dataset_contract.manifest import parse_manifest
from dataset_prep.upload import s3_client, upload_dataset
from runs.execution_follower import ExecutionSummary
from tests.contract.samples import SampleDataset, box, chunk, png
from tests.end_to_end.deployed import Deployed
from tests.end_to_end.deployment import deployed_stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

PREFIX = "dino-data-large"
TRAINING_IMAGES = LARGEST_WHOLE + 1


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The stack, with no quota: a run whose data set is valid ends with its quote."""
    scratch = tmp_path_factory.mktemp("large")
    context = {"default_preset": "tiny"}
    with deployed_stack(scratch, context=context, wait_scale=0.02, stop_grace=15, enforce_iam=True) as deployed:
        folder = dataset().write(scratch / "large")
        manifest, _ = parse_manifest((folder / MANIFEST).read_bytes())
        assert manifest is not None
        upload_dataset(s3_client(4), folder, manifest, bucket=deployed.bucket, prefix=PREFIX, replace=False, workers=4)
        deployed.aws.service_quotas.set("ml.g5.2xlarge", 0, spot=True)
        yield deployed


def dataset() -> SampleDataset:
    """As many small images to train on as one function does not take, each with other bytes, and two boxes on each."""
    sample = SampleDataset()
    first = 1 + max(image["id"] for coco in sample.coco.values() for image in coco["images"])
    train = sample.coco["train"]
    for image in range(first, first + TRAINING_IMAGES - len(train["images"])):
        sample.files[image_path("train", image)] = png(before_pixels=chunk(b"tEXt", f"number\0{image}".encode()))
        train["images"].append({"id": image, "file_name": f"images/{image:06d}.png", "width": 120, "height": 80})
        train["annotations"] += [
            box(2 * image, image, 1, [10, 10.5, 60.25, 4]),
            box(2 * image + 1, image, 2, [12, 20, 50, 40]),
        ]
    sample.stated = sample.coco
    return sample


def report_of(deployed: Deployed, execution: ExecutionSummary) -> dict[str, object]:
    run = execution.arn.rsplit(":", 1)[-1]
    report: dict[str, object] = json.loads(deployed.object(f"reports/{run}/report.json"))
    return report


def test_all_batches_are_checked_and_merged_to_one_report(large: Deployed) -> None:
    execution = large.run(dataset_prefix=PREFIX)
    assert execution.error == "QuoteRefused", execution.cause
    assert [name for name in execution.states if name in ("CheckBatches", "MergeChecks", "Quote")] == [
        "CheckBatches",
        "MergeChecks",
        "Quote",
    ]
    assert report_of(large, execution)["verdict"] == "valid"
    run = execution.arn.rsplit(":", 1)[-1]
    facts = [key for key in large.keys(f"reports/{run}/batches/") if key.endswith("-facts.json")]
    images = TRAINING_IMAGES + 4
    assert len(facts) == -(-images // BATCH_IMAGES)
    assert sum(len(json.loads(large.object(key))) for key in facts) == images


def test_damage_in_different_batches_is_in_the_one_report(large: Deployed) -> None:
    keys = [f"{PREFIX}/{image_path('train', number)}" for number in (9, TRAINING_IMAGES)]
    for key in keys:
        damaged = bytearray(large.object(key))
        damaged[-20] ^= 1
        large.put(key, bytes(damaged))
    execution = large.run(dataset_prefix=PREFIX)
    assert (execution.status, execution.error) == ("FAILED", "DatasetInvalid")
    assert "MergeChecks" in execution.states
    assert "Quote" not in execution.states
    report = json.dumps(report_of(large, execution))
    for key in keys:
        assert key.removeprefix(f"{PREFIX}/") in report
    assert "DatasetInvalid" in large.message_of(execution)["Message"]
