"""Under enforced IAM the stack's managed policies are all that uploaders and operators need, and nothing more."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from runs import __main__ as runs
from tests.chaos.stand_in import JobPlan, put_stand_in
from tests.end_to_end.changed_training import exchanged_training_code
from tests.end_to_end.deployed import ROOT, Deployed
from tests.end_to_end.deployment import deployed_stack
from tests.end_to_end.test_enforced_iam import DENIALS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

POLICIES = {"uploader": "UploaderPolicyArn", "operator": "OperatorPolicyArn"}
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    scratch = tmp_path_factory.mktemp("people")
    context = {"default_preset": "tiny"}
    with (
        deployed_stack(scratch, context=context, wait_scale=0.02, stop_grace=15, enforce_iam=True) as deployed,
        exchanged_training_code(deployed),
    ):
        put_stand_in(deployed, JobPlan(f1=0.95))
        yield deployed


@pytest.fixture(scope="module")
def users(enforced: Deployed) -> dict[str, dict[str, str]]:
    """Of a user with each policy and no other: the AWS_* variables."""
    iam = enforced.session.client("iam")
    found = {}
    for name, output in POLICIES.items():
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=enforced.outputs[output])
        key = iam.create_access_key(UserName=name)["AccessKey"]
        found[name] = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    return found


Become = Callable[[str], boto3.Session]


@pytest.fixture
def become(users: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Become:
    """Makes this process and its children one of the users."""

    def session_of(name: str) -> boto3.Session:
        for variable in CREDENTIALS:
            monkeypatch.delenv(variable, raising=False)
        for variable, value in users[name].items():
            monkeypatch.setenv(variable, value)
        return boto3.Session()

    return session_of


def prepare(enforced: Deployed, *options: str) -> None:
    command = [sys.executable, str(ROOT / "dataset_prep" / "run.py"), "--source", str(enforced.plans), *options]
    output = ["--output", str(enforced.scratch / "dataset"), "--bucket", enforced.bucket]
    done = subprocess.run([*command, *output], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr


def run(*arguments: str, status: int = 0) -> str:
    """`python -m runs`."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        ended = runs.main(arguments)
    assert ended == status, said.getvalue()
    return said.getvalue()


def denied(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] in DENIALS, error
        return True
    return False


def test_an_uploader_brings_data_and_weights_and_an_operator_trains_on_them(
    enforced: Deployed, become: Become, tmp_path: Path
) -> None:
    s3 = become("uploader").client("s3")
    prepare(enforced)
    prepare(enforced, "--seed", "7", "--replace")
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"x" * 9 * MIB)
    s3.upload_file(str(weights), enforced.bucket, "pretrained/weights.pth", Config=TransferConfig(8 * MIB))
    become("operator")
    examined = run("doctor")
    assert "not looked at" not in examined
    assert "roles may do all that their code calls" in examined
    run("start", '{"quality_gate": {"room": 0.5}}')
    assert "is SUCCEEDED." in run("follow")
    assert "registered" in run("list")
    assert "model" in run("fetch", "--to", str(tmp_path / "fetched"))
    newest = run("list").splitlines()[1].split()[0]
    compared = run("compare", str(tmp_path / "fetched"), newest, "--to", str(tmp_path / "compared"), status=1)
    assert "fetched/model does not hold a model that can be loaded" in compared, (
        "the stand-in's; all else is read by then"
    )
    packages = enforced.session.client("sagemaker").list_model_packages(ModelPackageGroupName="floorplan-dino")
    sagemaker = boto3.Session().client("sagemaker")
    for package in packages["ModelPackageSummaryList"]:
        arn = package["ModelPackageArn"]
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Approved"
    run("start", "--set", "epochs=500")
    redrive = re.search(r"--execution-arn (\S+?)`", run("stop"))
    assert redrive is not None
    boto3.Session().client("stepfunctions").redrive_execution(executionArn=redrive[1])
    run("stop")


@pytest.mark.parametrize(
    "key",
    [
        "training-code/x/training_code.zip",
        "locks/dino-data.json",
        "runs/forged-0.json",
        "reports/x/report.json",
        "training-jobs/x/output/model.tar.gz",
        "checkpoints/x/0/health.json",
        "anything",
    ],
)
@pytest.mark.parametrize("person", POLICIES)
def test_nobody_writes_code_records_or_models(enforced: Deployed, become: Become, person: str, key: str) -> None:
    s3 = become(person).client("s3")
    assert denied(s3.put_object, Bucket=enforced.bucket, Key=key, Body=b"x")
    assert denied(s3.delete_object, Bucket=enforced.bucket, Key=key)


def test_each_may_do_nothing_of_the_others_work(enforced: Deployed, become: Become) -> None:
    machine = enforced.outputs["StateMachineArn"]
    uploader = become("uploader")
    assert "needs cloudformation:DescribeStacks" in run("doctor", status=1)
    assert denied(uploader.client("stepfunctions").start_execution, stateMachineArn=machine)
    assert denied(uploader.client("s3").get_object, Bucket=enforced.bucket, Key="reports/x/report.json")
    assert denied(uploader.client("s3").list_objects_v2, Bucket=enforced.bucket, Prefix="reports/")
    operator = become("operator").client("s3")
    assert denied(operator.put_object, Bucket=enforced.bucket, Key="dino-data/manifest.json", Body=b"x")
    assert denied(operator.get_object, Bucket=enforced.bucket, Key="checkpoints/x/0/checkpoint.pt")
    assert denied(operator.put_bucket_policy, Bucket=enforced.bucket, Policy="{}")
