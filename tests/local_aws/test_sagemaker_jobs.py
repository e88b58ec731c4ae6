"""A training job on the SageMaker server: what its container sees, what becomes of its output, and how it ends."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import BUCKET, SECONDS, Account, channel, eventually

# Prints all files below /opt/ml and the environment.
LOOK_AROUND = """
import importlib.util, json, os, pathlib
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
config = root / "input" / "config"
print(json.dumps({
    "files": sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()),
    "folders": sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()),
    "config": {path.stem: json.loads(path.read_text()) for path in config.iterdir()},
    "environment": dict(os.environ),
    "project": importlib.util.find_spec("local_aws") is not None,
    "code": (root / "input/data/code/train.py").read_text() != "",
}))
"""
# Trains until SIGTERM, and then saves what it can.
UNTIL_SIGTERM = """
import os, pathlib, signal, sys
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
def save(*_):
    (root / "model" / "weights").write_text("saved at SIGTERM")
    print("saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("training", flush=True)
while True:
    signal.pause()
"""
IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("training", flush=True)
while True:
    time.sleep(600)
"""
# One epoch a run; ends when it finds that an earlier run has done the first one.
EPOCHS = """
import os, pathlib, signal, sys
checkpoints = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
before = sorted(str(path.relative_to(checkpoints)) for path in checkpoints.rglob("*") if path.is_file())
print("found", before, flush=True)
if before:
    sys.exit(0 if before == ["at-sigterm", "epochs/1"] else 9)
def save(*_):
    (checkpoints / "at-sigterm").write_text("2")
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
(checkpoints / "epochs").mkdir()
(checkpoints / "epochs" / "1").write_text("1")
print("training", flush=True)
while True:
    signal.pause()
"""


def statuses(description: dict[str, Any]) -> list[str]:
    return [transition["Status"] for transition in description["SecondaryStatusTransitions"]]


def files_in(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read().decode() for name, file in members.items() if file}


def test_the_container_sees_what_sagemaker_documents(account: Account) -> None:
    s3 = account.client("s3")
    for key in ("plans/manifest.json", "plans/train/images/1.png", "plans-old/1.png"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    request = account.request(
        LOOK_AROUND,
        HyperParameters={"epochs": "5"},
        Environment={"MODE": "exact", "MODEL": "/opt/ml/model"},
    )
    request["InputDataConfig"].append(channel("dataset", f"s3://{BUCKET}/plans"))
    assert account.run(request)["TrainingJobStatus"] == "Completed"
    seen = json.loads(account.log(request["TrainingJobName"])[0])
    assert seen["files"] == [
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
        "input/data/code/train.py",
        "input/data/dataset/manifest.json",
        # S3Prefix means every key that begins so.
        "input/data/dataset/plans-old/1.png",
        "input/data/dataset/train/images/1.png",
    ]
    assert {"model", "output/data"} <= set(seen["folders"])
    assert seen["config"]["hyperparameters"] == {"epochs": "5"}
    assert seen["config"]["inputdataconfig"]["dataset"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    assert seen["config"]["resourceconfig"]["current_host"] == "algo-1"
    assert seen["config"]["resourceconfig"]["hosts"] == ["algo-1"]
    assert seen["config"]["resourceconfig"]["current_instance_type"] == "local"
    environment = seen["environment"]
    assert environment["TRAINING_JOB_NAME"] == request["TrainingJobName"]
    assert (environment["MODE"], environment["MODEL"]) == ("exact", "/opt/ml/model")
    assert not seen["project"]  # a module that the code channel lacks is missed
    # The job is on its own: nothing to reach AWS with.
    assert not [name for name in environment if name.startswith(("AWS_ACCESS", "AWS_SECRET", "AWS_ENDPOINT"))]


def test_artifacts_log_and_metrics_arrive(account: Account) -> None:
    script = """
import os, pathlib
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
print("epoch=1 loss=2.5 lr=1e-4")
print("epoch=2 loss=nan")
print()
print("epoch=3 loss=0.5 in", root / "model")
(root / "model" / "code").mkdir()
(root / "model" / "model.safetensors").write_text("weights")
(root / "model" / "code" / "inference.py").write_text("code")
(root / "output" / "data" / "plot.txt").write_text("plot")
"""
    request = account.request(script)
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "train:loss", "Regex": r"loss=(\S+)"},
        {"Name": "train:lr", "Regex": r"lr=(\S+)"},
        {"Name": "never", "Regex": r"never=(\S+)"},
    ]
    name = request["TrainingJobName"]
    description = account.run(request)

    assert statuses(description) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    times = [
        transition[end] for transition in description["SecondaryStatusTransitions"] for end in ("StartTime", "EndTime")
    ]
    assert times == sorted(times)
    assert description["CreationTime"] <= description["TrainingStartTime"] <= description["TrainingEndTime"]
    assert description["TrainingTimeInSeconds"] == description["BillableTimeInSeconds"] >= 1

    assert (
        description["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/training-jobs/{name}/output/model.tar.gz"
    )
    model = files_in(account.object(f"training-jobs/{name}/output/model.tar.gz"))
    assert model == {"model.safetensors": "weights", "code/inference.py": "code"}
    assert files_in(account.object(f"training-jobs/{name}/output/output.tar.gz")) == {"plot.txt": "plot"}

    assert account.log(name) == ["epoch=1 loss=2.5 lr=1e-4", "epoch=2 loss=nan", "epoch=3 loss=0.5 in /opt/ml/model"]
    statistics = account.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="train:loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": name}],
        StartTime=description["CreationTime"].timestamp() - 60,
        EndTime=description["TrainingEndTime"].timestamp() + 60,
        Period=3600,
        Statistics=["Maximum", "Minimum", "SampleCount"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in statistics) == 2
    assert (max(point["Maximum"] for point in statistics), min(point["Minimum"] for point in statistics)) == (2.5, 0.5)


def test_the_reason_of_a_failure_is_what_the_job_wrote(account: Account) -> None:
    script = """
import os, pathlib, sys
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "output", "failure").write_text("OOM: " + "x" * 5000)
sys.exit(4)
"""
    description = account.run(account.request(script))
    assert description["TrainingJobStatus"] == description["SecondaryStatus"] == "Failed"
    reason = description["FailureReason"]
    assert reason.startswith("AlgorithmError: OOM: xxx")
    assert reason.endswith("xxx, exit code: 4")
    assert len(reason) == 1024


def test_a_job_that_dies_without_a_word_fails_with_its_exit_code(account: Account) -> None:
    description = account.run(account.request("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"] == "AlgorithmError: , exit code: 137"
    assert "ModelArtifacts" not in description


def test_a_stopped_job_may_save_its_model_first(account: Account) -> None:
    request = account.request(UNTIL_SIGTERM)
    name = account.start(request)
    eventually(lambda: account.log(name) == ["training"], "the log arrives while the job runs")
    sagemaker = account.client("sagemaker")
    sagemaker.stop_training_job(TrainingJobName=name)
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    description = account.ended(name)
    assert description["TrainingJobStatus"] == "Stopped"
    assert statuses(description)[-3:] == ["Stopping", "Uploading", "Stopped"]
    assert files_in(account.object(f"training-jobs/{name}/output/model.tar.gz")) == {"weights": "saved at SIGTERM"}
    with pytest.raises(ClientError, match=r"\(ValidationException\).*in status Stopped"):
        sagemaker.stop_training_job(TrainingJobName=name)


def test_a_job_that_ignores_sigterm_is_killed_after_the_grace_period(account: Account) -> None:
    name = account.start(account.request(IGNORES_SIGTERM))
    eventually(lambda: account.log(name) == ["training"], "the job trains")
    account.client("sagemaker").stop_training_job(TrainingJobName=name)
    description = account.ended(name)
    assert description["SecondaryStatus"] == "Stopped"
    stopping = description["SecondaryStatusTransitions"][-3]
    assert (stopping["EndTime"] - stopping["StartTime"]).total_seconds() >= 1


def test_max_runtime_ends_a_job_like_a_stop(account: Account) -> None:
    request = account.request(UNTIL_SIGTERM, StoppingCondition={"MaxRuntimeInSeconds": 2})
    description = account.run(request)
    assert description["TrainingJobStatus"] == "Stopped"
    assert description["SecondaryStatus"] == "MaxRuntimeExceeded"
    assert account.log(request["TrainingJobName"]) == ["training", "saved"]
    assert "ModelArtifacts" in description


def test_an_interrupted_spot_job_goes_on_from_its_checkpoints(account: Account) -> None:
    request = account.spot_request(EPOCHS)
    name = account.start(request)
    eventually(lambda: "training" in account.log(name), "the job trains")
    eventually(
        lambda: account.keys(f"checkpoints/{name}/") == [f"checkpoints/{name}/epochs/1"], "a checkpoint is in S3"
    )
    account.aws.training_jobs.interrupt(name)
    description = account.ended(name)
    assert description.get("FailureReason") is None
    assert description["TrainingJobStatus"] == "Completed"
    assert statuses(description) == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert account.object(f"checkpoints/{name}/at-sigterm") == b"2"
    assert account.log(name)[-1] == "found ['at-sigterm', 'epochs/1']"


def test_only_a_spot_job_that_trains_can_be_interrupted(account: Account) -> None:
    description = account.run(account.request("pass"))
    with pytest.raises(ValueError, match="not a managed-spot job that is training"):
        account.aws.training_jobs.interrupt(description["TrainingJobName"])


def test_a_checkpoint_that_changes_is_copied_again(account: Account) -> None:
    script = """
import os, pathlib, signal
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
(folder / "last").write_text("one")
signal.sigwait([signal.SIGTERM])
(folder / "new").write_text("two")
os.replace(folder / "new", folder / "last")
"""
    request = account.spot_request(f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]){script}")
    name = account.start(request)
    key = f"checkpoints/{name}/last"
    eventually(lambda: account.keys(key) and account.object(key) == b"one", "the checkpoint is in S3")
    account.client("sagemaker").stop_training_job(TrainingJobName=name)
    account.ended(name)
    assert account.object(key) == b"two"


def test_a_name_can_be_used_once_only(account: Account) -> None:
    request = account.request("pass")
    description = account.run(request)
    with pytest.raises(ClientError, match=r"\(ResourceInUse\)") as caught:
        account.start(request)
    assert description["TrainingJobArn"] in caught.value.response["Error"]["Message"]


def test_tags_of_a_job(account: Account) -> None:
    request = account.request("pass", Tags=[{"Key": "dataset", "Value": "1"}])
    arn = account.run(request)["TrainingJobArn"]
    assert account.client("sagemaker").list_tags(ResourceArn=arn)["Tags"] == [{"Key": "dataset", "Value": "1"}]


def test_the_first_preferred_instance_type_is_selected(account: Account) -> None:
    preferred = [
        {"InstanceType": "ml.g6.2xlarge", "InstanceCount": 1},
        {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1},
    ]
    description = account.run(account.request("pass", ResourceConfig={"InstancePreferences": preferred}))
    assert description["ResourceConfig"]["SelectedInstanceType"] == "ml.g6.2xlarge"


def test_a_key_that_would_leave_the_channel_fails_the_job(account: Account) -> None:
    account.client("s3").put_object(Bucket=BUCKET, Key="evil/../../../escaped", Body=b"x")
    request = account.request("pass")
    request["InputDataConfig"].append(channel("evil", f"s3://{BUCKET}/evil/"))
    description = account.run(request)
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("ClientError: Data download failed")
    assert "is not a path below" in description["FailureReason"]


def test_jobs_run_beside_each_other(account: Account) -> None:
    names = [account.start(account.request(UNTIL_SIGTERM)) for _ in range(2)]
    for name in names:
        account.aws.training_jobs.wait_for(name, ["Training"], SECONDS)
    for name in names:
        account.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert [account.ended(name)["TrainingJobStatus"] for name in names] == ["Stopped", "Stopped"]
