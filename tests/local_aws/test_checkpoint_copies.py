"""What of a job's checkpoint folder is in S3, and how an interruption may end on AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_aws.conftest import BUCKET, Account, eventually
from tests.local_aws.test_sagemaker_jobs import UNTIL_SIGTERM, statuses

# Writes a file, replaces it by another at SIGTERM, and says what it finds at its start.
REPLACES_AT_SIGTERM = """
import os, pathlib, signal, sys
checkpoints = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
found = {path.name: path.read_text() for path in sorted(checkpoints.iterdir())}
print("found", found, flush=True)
if found:
    sys.exit(0)
def save(*_):
    (checkpoints / "second").write_text("2222")
    (checkpoints / "third").write_text("3333")
    (checkpoints / "first").unlink()
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
(checkpoints / "first").write_text("1111")
while True:
    signal.pause()
"""


@pytest.fixture(autouse=True)
def faultless_afterwards(account: Account) -> Iterator[None]:
    yield
    account.aws.faults.clear()


def interrupted(account: Account) -> str:
    """The name of a job that was interrupted once it had a file in S3, and has ended."""
    name = account.start(account.spot_request(REPLACES_AT_SIGTERM))
    eventually(lambda: account.keys(f"checkpoints/{name}/") == [f"checkpoints/{name}/first"], "the first file is in S3")
    account.aws.training_jobs.interrupt(name)
    account.ended(name)
    return name


def test_what_the_job_deletes_is_deleted_in_s3_and_stays_as_an_old_version(account: Account) -> None:
    account.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    name = interrupted(account)
    assert account.log(name)[-1] == "found {'second': '2222', 'third': '3333'}"
    prefix = f"checkpoints/{name}/"
    assert account.keys(prefix) == [f"{prefix}second", f"{prefix}third"]
    versions = account.client("s3").list_object_versions(Bucket=BUCKET, Prefix=f"{prefix}first")
    assert [(each["Key"], each["IsLatest"]) for each in versions["Versions"]] == [(f"{prefix}first", False)]


def test_the_last_upload_may_be_cut_off(account: Account) -> None:
    account.aws.faults.cut_last_upload()
    assert account.log(interrupted(account))[-1] == "found {'first': '1111', 'second': '22'}"
    assert account.log(interrupted(account))[-1] == "found {'second': '2222', 'third': '3333'}"


def test_an_interrupted_job_that_exits_with_0_may_end_as_completed(account: Account) -> None:
    account.aws.faults.complete_when_interrupted()
    name = interrupted(account)
    description = account.ended(name)
    assert statuses(description) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert "ModelArtifacts" not in description  # it wrote none
    assert account.log(name) == ["found {}"]
    assert account.keys(f"checkpoints/{name}/") == [f"checkpoints/{name}/{each}" for each in ("second", "third")]


def test_a_slow_start_shows_what_a_job_passes_through_before_its_first_line(account: Account) -> None:
    before = ("LaunchingMLInstances", "PreparingTrainingStack", "Downloading", "DownloadingTrainingImage", "Training")
    account.aws.faults.slow_start(dict.fromkeys(before, 0.2))
    description = account.run(account.request("print('begun')"))
    assert statuses(description) == ["Starting", *before, "Uploading", "Completed"]
    for transition in description["SecondaryStatusTransitions"][1:6]:
        assert (transition["EndTime"] - transition["StartTime"]).total_seconds() >= 0.2


def test_a_job_is_stopped_before_its_first_line(account: Account) -> None:
    account.aws.faults.slow_start({"Training": 60})
    name = account.start(account.request(UNTIL_SIGTERM))
    account.aws.training_jobs.wait_for(name, ["Training"], 30)
    account.client("sagemaker").stop_training_job(TrainingJobName=name)
    assert account.ended(name)["SecondaryStatus"] == "Stopped"
    assert account.log(name) == []
