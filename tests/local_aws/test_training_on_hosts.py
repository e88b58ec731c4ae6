"""The trainer itself on several hosts of the embedded AWS: what it learns, across interruptions, and a lost host."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Iterator, Mapping

import pytest

from local_aws.clients import client
from local_aws.embedded import EmbeddedAws
from tests.local_aws.conftest import BUCKET, TRUST_SAGEMAKER, Account, channel, eventually
from tests.training.training_jobs import SMALL, write_dataset
from tests.training.warm_process import ROOT

pytestmark = pytest.mark.faults

TRAINER = f"""
import dataclasses, sys, time
sys.path.insert(0, {str(ROOT)!r})
from training_code import train
from training_code.job.hyperparameters import read_hyperparameters
from training_code.loop import shipping
from training_code.loop.training_step import TrainingStep

def without_denoising(path):  # its noise differs between processes
    job = read_hyperparameters(path)
    return dataclasses.replace(job, model=dataclasses.replace(job.model, dn_number=0))

update = TrainingStep.update

def slow_update(*arguments, **named):  # so that there is time to interrupt it
    time.sleep(0.4)
    return update(*arguments, **named)

train.read_hyperparameters = without_denoising
TrainingStep.update = slow_update
shipping.export_model = lambda *_: None
sys.exit(train.main())
"""
# Adam makes much of rounding at first.
HYPERPARAMETERS = {**SMALL, "learning_rate": "1e-5", "backbone_learning_rate": "1e-5", "epochs": "4"}
SECONDS = 240


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that gives jobs time to end, and has a data set whose batches need no padding, which norms see."""
    with EmbeddedAws(tmp_path_factory.mktemp("aws"), wait_scale=0, stop_grace=20) as aws:
        s3 = client(aws.environment, "s3")
        s3.create_bucket(Bucket=BUCKET)
        role = client(aws.environment, "iam").create_role(
            RoleName="training", AssumeRolePolicyDocument=json.dumps(TRUST_SAGEMAKER)
        )["Role"]["Arn"]
        folder = tmp_path_factory.mktemp("dataset")
        write_dataset(folder, varied=False)
        for path in (path for path in folder.rglob("*") if path.is_file()):
            key = f"dataset/{path.relative_to(folder).as_posix()}"
            s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        yield Account(aws, role, (f"hosts-{number}" for number in itertools.count()))


def start(account: Account, *, hosts: int, batch_size: int) -> str:
    request = account.spot_request(
        TRAINER,
        HyperParameters={**HYPERPARAMETERS, "batch_size": str(batch_size)},
        ResourceConfig={"InstanceType": "ml.g5.2xlarge", "InstanceCount": hosts},
    )
    request["InputDataConfig"].append(channel("dataset", f"s3://{BUCKET}/dataset/"))
    return account.start(request)


def wait_for_step(account: Account, name: str, step: int) -> None:
    def has_come() -> bool:
        assert name in account.aws.training_jobs.running(), account.log(name)
        return any(line.startswith(f"[train] step={step}/") for line in account.log(name))

    eventually(has_come, f"step {step}", seconds=SECONDS)


def losses(account: Account, name: str) -> list[Mapping[str, float]]:
    """Of each update of a completed job."""
    ended = account.aws.training_jobs.wait_for(name, [], SECONDS)
    assert ended["TrainingJobStatus"] == "Completed", (ended.get("FailureReason"), account.log(name))
    archive = account.object(f"training-jobs/{name}/output/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        file = tar.extractfile("history.jsonl")
        assert file is not None
        return [json.loads(line) for line in file.read().splitlines()]


def test_two_hosts_learn_what_one_learns_even_if_they_are_interrupted(patient: Account) -> None:
    two = start(patient, hosts=2, batch_size=2)
    wait_for_step(patient, two, 3)
    patient.aws.training_jobs.interrupt(two)
    of_two = losses(patient, two)
    assert any("Going on from the checkpoint" in line for line in patient.log(two))
    assert any(
        "2 processes train together: 4 images an update; learning rates do not follow it." in line
        for line in patient.log(two)
    )
    of_one = losses(patient, start(patient, hosts=1, batch_size=4))
    assert [each["step"] for each in of_two] == [each["step"] for each in of_one] == list(range(1, 9))
    for one, both in zip(of_one, of_two, strict=True):
        for name in ("loss", "loss_class", "loss_bbox", "loss_giou"):
            assert both[name] == pytest.approx(one[name], rel=1e-6)


@pytest.mark.parametrize("host", ["algo-1", "algo-2"])
def test_a_lost_host_ends_the_job_with_its_word(patient: Account, host: str) -> None:
    name = start(patient, hosts=2, batch_size=2)
    wait_for_step(patient, name, 1)
    patient.aws.training_jobs.lose_host(name, host)
    ended = patient.aws.training_jobs.wait_for(name, [], SECONDS)
    reason = "AlgorithmError: PROCESS_LOST: the connection to another process of this job broke"
    assert ended["FailureReason"].startswith(reason), patient.log(name)
