"""The deployed pipeline from upload to model, and each way in which it may end otherwise."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.trained_model import fetch_model
from tests.chaos.stand_in import JobPlan
from tests.docs.page_lines import CONTRIBUTING, OPERATIONS, README, python_blocks
from tests.end_to_end.deployed import Deployed, wait_until
from tests.end_to_end.terminal import Terminal

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def no_dataset(deployed: Deployed) -> Iterator[None]:
    """Nothing at the default prefix, and nothing is left there, so that each test may upload its own."""
    _remove_dataset(deployed)
    yield
    _remove_dataset(deployed)


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("no_dataset")
def test_a_reader_of_contributing_gets_a_model(deployed: Deployed, tmp_path: Path) -> None:
    """Everything that the page has a reader type, from plans to a model that predicts."""
    build, session = tmp_path / "build", deployed.session
    terminal = Terminal(CONTRIBUTING, build=str(build), DATASET_BUCKET_NAME=deployed.bucket)
    terminal.run("python dataset_prep/samples.py")
    terminal.run("python dataset_prep/run.py")
    terminal.run("python -m runs start")
    assert "is SUCCEEDED." in terminal.run("python -m runs follow")
    terminal.run("python -m runs fetch")
    history = (build / "last-run" / "model" / "history.jsonl").read_text().splitlines()
    assert json.loads(history[-1])["step"] == len(history)
    assert json.loads(history[-1])["epoch"] == 1
    groups = dict(terminal.call(session, "aws lambda list-functions"))
    watch = groups[deployed.function("watch")]
    said = terminal.call(session, "aws logs filter-log-events", LOG_GROUP=watch)
    assert any('"decision"' in line for line in said), said
    assert terminal.left == []
    (handler_again,) = python_blocks(CONTRIBUTING)
    assert "ml.g5.2xlarge" in run_python(handler_again, tmp_path)
    next((build / "samples").rglob("F1_scaled.png")).rename(tmp_path / "plan.png")
    [prediction] = python_blocks(README)
    run_python(prediction, tmp_path)


@pytest.mark.usefixtures("no_dataset")
def test_a_reader_of_the_readme_and_of_operations_gets_what_they_say(
    deployed: Deployed, tmp_path: Path, put_plan: Callable[[JobPlan], None]
) -> None:
    """With the stand-in for the trainer: the README's run trains for 55 epochs."""
    put_plan(JobPlan(f1=0.95))
    session, filled = deployed.session, {"DATASET_BUCKET_NAME": deployed.bucket, "build": str(tmp_path / "build")}
    readme = Terminal(README, **filled, TOPIC_ARN=deployed.outputs["TopicArn"])
    readme.placeholders["path/to/plans"] = str(deployed.plans)
    readme.run("python dataset_prep/run.py")
    readme.call(session, "aws sns subscribe")
    examined = readme.run("python -m runs doctor")
    assert examined.splitlines()[-1] == "A run can start: `python -m runs start`."
    assert "roles may do all that their code calls" in examined
    readme.run("python -m runs start")
    followed = readme.run("python -m runs follow")
    assert "is SUCCEEDED." in followed
    newest = newest_execution(deployed)
    assert newest["name"] in readme.run("python -m runs")
    with_sdk = importlib.util.find_spec("sagemaker") is not None
    approved = readme.run("python -m runs approve", status=0 if with_sdk else 1)
    assert with_sdk or "needs the SageMaker SDK" in approved
    readme.run("python -m runs fetch")
    assert (tmp_path / "build" / "last-run" / "model" / "metrics.json").is_file()
    assert "has ended already" in readme.run("python -m runs stop", status=1)
    assert readme.left == []

    operations = Terminal(OPERATIONS, NAME=newest["name"], DIR=str(tmp_path / "fetched"))
    operations.run("python -m runs doctor")
    assert "is SUCCEEDED." in operations.run("python -m runs follow NAME")
    operations.run("python -m runs fetch NAME")
    operations.run("python -m runs approve NAME", status=0 if with_sdk else 1)
    update, (package,) = "aws sagemaker update-model-package", packages(deployed)
    operations.call(session, update, ARN=package)
    assert packages(deployed, "Approved") == [package]
    sagemaker = session.client("sagemaker")  # else the models of later tests would be compared with it
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Rejected")
    put_plan(JobPlan(hangs_at=10))
    deployed.start_training()
    assert "is told to stop now" in operations.run("python -m runs stop")
    wait_until(lambda: newest_execution(deployed)["status"] == "ABORTED" and not deployed.jobs_at_work())
    put_plan(JobPlan())
    operations.call(session, "aws stepfunctions redrive-execution", ARN=newest_execution(deployed)["executionArn"])
    operations.run("python -m runs follow")
    assert newest_execution(deployed)["name"] in operations.run("python -m runs")
    operations.call(session, "aws logs describe-log-groups")  # on AWS with the functions' groups
    assert operations.left == []


def test_without_an_upload_no_job_is_launched(deployed: Deployed) -> None:
    execution = deployed.run(dataset_prefix="dino-data-nothing-there")
    deployed.assert_failed(execution, "DatasetMissing", "dataset_prep/run.py")
    assert execution.job is None


def test_a_missing_image_is_named_and_no_job_is_launched(deployed: Deployed) -> None:
    prefix = "dino-data-missing-image"
    deployed.upload_plans(prefix)
    s3 = deployed.session.client("s3")
    key = s3.list_objects_v2(Bucket=deployed.bucket, Prefix=f"{prefix}/train/images/")["Contents"][0]["Key"]
    s3.delete_object(Bucket=deployed.bucket, Key=key)
    execution = deployed.run(dataset_prefix=prefix)
    deployed.assert_failed(execution, "DatasetInvalid", key.removeprefix(f"{prefix}/"))
    assert execution.job is None


def test_an_image_with_other_bytes_of_the_same_size_is_refused_by_its_hash(deployed: Deployed) -> None:
    prefix = "dino-data-damaged-image"
    deployed.upload_plans(prefix)
    key = deployed.keys(f"{prefix}/train/images/")[0]
    content = bytearray(deployed.object(key))
    content[len(content) // 2] ^= 1
    deployed.put(key, bytes(content))
    execution = deployed.run(dataset_prefix=prefix)
    deployed.assert_failed(execution, "DatasetInvalid", key.removeprefix(f"{prefix}/"))
    assert execution.job is None


def test_a_changed_annotation_is_refused(deployed: Deployed) -> None:
    prefix = "dino-data-changed-annotation"
    deployed.upload_plans(prefix)
    s3 = deployed.session.client("s3")
    key = f"{prefix}/train/annotations.json"
    content = json.loads(s3.get_object(Bucket=deployed.bucket, Key=key)["Body"].read())
    content["annotations"][0]["bbox"][0] += 1.0
    s3.put_object(Bucket=deployed.bucket, Key=key, Body=json.dumps(content), ChecksumAlgorithm="SHA256")
    execution = deployed.run(dataset_prefix=prefix)
    deployed.assert_failed(execution, "DatasetInvalid", "train/annotations.json")
    assert execution.job is None


def test_a_wrong_field_is_refused_with_the_allowed_ones(deployed: Deployed) -> None:
    execution = deployed.run(presett="full")
    deployed.assert_failed(execution, "RequestInvalid", "presett", "dataset_prefix")
    assert execution.job is None


@pytest.mark.faults
def test_a_job_that_fails_ends_the_execution_with_its_reason(deployed: Deployed) -> None:
    """An image whose pixels cannot be decoded, though its header, CRCs, size and hash are right."""
    prefix = "dino-data-undecodable"
    deployed.upload_plans(prefix)
    replace_image_by_undecodable_one(deployed, prefix)
    execution = deployed.run(dataset_prefix=prefix, epochs=1)
    deployed.assert_failed(execution, "TrainingFailed", "DATA: ")
    assert execution.job is not None
    assert execution.job.status == "Failed"


def test_a_job_stopped_by_hand_ends_the_execution(deployed: Deployed) -> None:
    deployed.upload_plans("dino-data")
    follower, name = deployed.start_training(epochs=500)
    deployed.session.client("sagemaker").stop_training_job(TrainingJobName=name)
    execution = follower.wait_for_end()
    deployed.assert_failed(execution, "TrainingStopped", name)
    assert execution.job is not None
    assert execution.job.status == "Stopped"


@pytest.mark.faults
def test_a_spot_interruption_is_survived_and_what_was_seen_before_it_stays(deployed: Deployed, tmp_path: Path) -> None:
    deployed.upload_plans("dino-data")
    follower, name = deployed.start_training(epochs=6, training={"evaluation_epochs": 1})
    folder = deployed.checkpoints_prefix(name)
    wait_until(lambda: deployed.keys(f"{folder}pictures/epoch-0001/") != [] != deployed.checkpoints(name))
    assert deployed.is_training(name)
    seen = deployed.keys(f"{folder}tensorboard/")
    assert seen != []
    deployed.aws.training_jobs.interrupt(name)
    execution = follower.wait_for_end()
    assert execution.status == "SUCCEEDED", execution.cause
    assert execution.job is not None
    transitions = deployed.session.client("sagemaker").describe_training_job(TrainingJobName=name)
    assert "Interrupted" in [transition["Status"] for transition in transitions["SecondaryStatusTransitions"]]
    model = fetch_model(deployed.session, execution.job.model_artifact, tmp_path / "model")
    assert [entry["step"] for entry in model.history] == list(range(1, len(model.history) + 1))
    assert model.history[-1]["epoch"] == 6
    assert set(seen) < set(deployed.keys(f"{folder}tensorboard/"))
    pictures = deployed.keys(f"{folder}pictures/")
    assert {key.split("/")[-2] for key in pictures} == {f"epoch-{epoch:04d}" for epoch in range(1, 7)}
    assert deployed.object(f"{folder}metrics.json") != b""
    assert execution.job.model_artifact in deployed.message_of(execution)["Message"]


def _remove_dataset(deployed: Deployed) -> None:
    for key in deployed.keys("dino-data/"):
        deployed.session.client("s3").delete_object(Bucket=deployed.bucket, Key=key)


def newest_execution(deployed: Deployed) -> Any:
    """As ListExecutions has it."""
    machine = deployed.outputs["StateMachineArn"]
    return deployed.session.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"][0]


def packages(deployed: Deployed, status: str = "PendingManualApproval") -> list[str]:
    """The ARNs of the models in the registry with this status."""
    listed = deployed.session.client("sagemaker").list_model_packages(ModelPackageGroupName="floorplan-dino")
    return [
        each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"] if each["ModelApprovalStatus"] == status
    ]


def run_python(code: str, folder: Path) -> str:
    """Run the lines in a process of their own, which must end well, in `folder`; what they print."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{code}\n{done.stderr}"
    return done.stdout


def replace_image_by_undecodable_one(deployed: Deployed, prefix: str) -> None:
    """Put a PNG with garbage for its pixels in the place of a training image, and a manifest that vouches for it."""
    # Local, as a user's mistake would be: a damaged file that was there before preparation hashed it.
    from dataclasses import replace

    from dataset_contract.manifest import content_version, manifest_to_bytes, parse_manifest

    s3 = deployed.session.client("s3")

    def read(path: str) -> bytes:
        return s3.get_object(Bucket=deployed.bucket, Key=f"{prefix}/{path}")["Body"].read()

    def write(path: str, content: bytes) -> None:
        s3.put_object(Bucket=deployed.bucket, Key=f"{prefix}/{path}", Body=content, ChecksumAlgorithm="SHA256")

    manifest, _ = parse_manifest(read("manifest.json"))
    assert manifest is not None
    victim = next(entry for entry in manifest.files if entry.path.startswith("train/images/"))
    damaged = with_garbage_pixels(read(victim.path))
    entry = replace(victim, size=len(damaged), sha256=hashlib.sha256(damaged).hexdigest())
    changed = replace(manifest, files=tuple(entry if file is victim else file for file in manifest.files))
    write(victim.path, damaged)
    write("manifest.json", manifest_to_bytes(replace(changed, version=content_version(changed))))


def with_garbage_pixels(png: bytes) -> bytes:
    """The PNG with its header and end, and between them a chunk of pixels that no zlib can inflate."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header_end = 8 + 4 + 4 + 13 + 4
    return png[:header_end] + chunk(b"IDAT", b"\xff" * 500) + chunk(b"IEND", b"")
