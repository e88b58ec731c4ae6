"""ministack as the embedded AWS runs it: on the loopback only, apart from others, with Lambda errors as on AWS."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import client
from local_aws.embedded import EmbeddedAws
from local_aws.ministack_process import MinistackError
from local_aws.supervised_process import living_descendants
from tests.local_aws.conftest import BUCKET, SECONDS, TRUST_SAGEMAKER, Account, eventually, is_running

ROOT = Path(__file__).resolve().parents[2]
HANDLER = """
import json, os, sys

class DatasetInvalid(Exception):
    pass

def handler(event, context):
    if event.get("fail"):
        raise DatasetInvalid("two images are missing")
    if event.get("exit"):
        os._exit(3)
    try:
        import local_aws
        found = local_aws.__file__
    except ImportError:
        found = None
    return {"project": found, "environment": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid()}
"""


def port_of(endpoint: str) -> int:
    port = urllib.parse.urlsplit(endpoint).port
    assert port is not None
    return port


def listening_sockets(*ports: int) -> set[str]:
    """The inodes of all TCP sockets that listen on one of the ports.

    When a server has ended, another test's may take its port at once; so not the port must be gone, but the socket.
    """
    return {row[9] for row in listening_rows() if int(row[1].rpartition(":")[2], 16) in ports}


def listening_rows() -> list[list[str]]:
    """The rows of /proc/net/tcp and tcp6 that stand for a listening socket."""
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    return [row for row in rows if row[3] == "0A"]


def listening_addresses(pids: list[int]) -> list[str]:
    """The local addresses, as /proc/net has them in hex, of all TCP sockets on which one of the processes listens."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                inodes.add(str(descriptor.readlink()))
            except FileNotFoundError:
                continue
    return [row[1] for row in listening_rows() if f"socket:[{row[9]}]" in inodes]


def create_function(environment: dict[str, str], name: str, source: str) -> Any:
    """Deploy a function, and return a way to invoke it: event -> (answer, whether it is an error)."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", source)
    functions = client(environment, "lambda")
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": package.getvalue()},
    )

    def invoke(event: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        response = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.load(response["Payload"]), "FunctionError" in response

    return invoke


@pytest.fixture(scope="module")
def function(account: Account) -> Any:
    return create_function(account.aws.environment, "handler", HANDLER)


def test_it_listens_on_the_loopback_only(account: Account, function: Any) -> None:
    function({})  # so that there is a Lambda worker too
    addresses = listening_addresses([os.getpid(), *living_descendants(os.getpid())])
    for service in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"):
        assert f"0100007F:{port_of(account.aws.environment[service]):04X}" in addresses
    assert {address.partition(":")[0] for address in addresses} == {"0100007F"}


def test_a_handlers_exception_keeps_its_name(function: Any) -> None:
    error, failed = function({"fail": True})
    assert failed
    assert (error["errorType"], error["errorMessage"]) == ("DatasetInvalid", "two images are missing")
    assert len(error["stackTrace"]) == 1
    assert "raise DatasetInvalid" in error["stackTrace"][0]


def test_a_functions_log_has_the_traceback_of_the_handler_only(account: Account, function: Any) -> None:
    function({"fail": True})
    logs = account.client("logs")

    def log() -> str:
        events = logs.filter_log_events(logGroupName="/aws/lambda/handler")["events"]
        return "\n".join(event["message"] for event in events)

    eventually(lambda: "DatasetInvalid: two images are missing" in log(), "the log has the exception")
    assert "HandlerError" not in log()


def test_a_state_machine_catches_an_exception_by_name(account: Account, function: Any) -> None:
    machines = account.client("stepfunctions")
    definition = {
        "StartAt": "Validate",
        "States": {
            "Validate": {
                "Type": "Task",
                "Resource": "arn:aws:lambda:us-east-1:000000000000:function:handler",
                "Catch": [{"ErrorEquals": ["DatasetInvalid"], "Next": "Refused"}],
                "End": True,
            },
            "Refused": {"Type": "Wait", "Seconds": 3600, "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }
    machine = machines.create_state_machine(
        name="validate", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/any"
    )["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=machine, input='{"fail": true}')["executionArn"]

    def status() -> str:
        return str(machines.describe_execution(executionArn=execution)["status"])

    eventually(lambda: status() != "RUNNING", "the execution has ended, and has not waited its hour")
    assert status() == "SUCCEEDED"


def test_a_module_that_cannot_be_imported_is_named_as_on_aws(account: Account) -> None:
    invoke = create_function(account.aws.environment, "broken", "import no_such_module")
    error, failed = invoke({})
    assert failed
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in error["errorMessage"]


def test_a_handler_that_exits_is_named_as_on_aws(function: Any) -> None:
    error, failed = function({"exit": True})
    assert failed
    assert error["errorType"] == "Runtime.ExitError"


def test_a_function_sees_the_services_but_not_the_project_nor_our_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "of this process")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    directory = tmp_path_factory.mktemp("aws")
    with EmbeddedAws(directory) as aws:
        seen, failed = create_function(aws.environment, "handler", HANDLER)({})
        environment = seen["environment"]
        assert not failed
        assert seen["project"] is None
        assert "SOME_SECRET" not in environment
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_REGION"):
            assert environment[name] == aws.environment[name]
        assert not Path(seen["cwd"]).is_relative_to(ROOT)
        assert Path(environment["TMPDIR"]).is_relative_to(directory)
        pid = seen["pid"]
        ports = [port_of(aws.environment[name]) for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER")]
        assert is_running(pid)
        sockets = listening_sockets(*ports)
        assert len(sockets) == len(ports)
    assert not is_running(pid)
    assert not sockets & listening_sockets(*ports)
    assert list(directory.iterdir()) == []
    aws.close()  # a second time is no error


def test_two_beside_each_other_share_nothing(account: Account, tmp_path: Path) -> None:
    with EmbeddedAws(tmp_path) as other:
        client(other.environment, "s3").create_bucket(Bucket="of-the-other")
        with pytest.raises(ClientError, match="404"):
            account.client("s3").head_bucket(Bucket="of-the-other")
        assert not set(other.environment.values()) & {
            account.aws.environment["AWS_ENDPOINT_URL"],
            account.aws.environment["AWS_ENDPOINT_URL_SAGEMAKER"],
        }


@pytest.mark.parametrize("name", ["with blank and 'quote", "long-" * 12])
def test_a_job_runs_whatever_the_directory_is_called(account: Account, tmp_path: Path, name: str) -> None:
    with EmbeddedAws(tmp_path / name) as aws:
        client(aws.environment, "s3").create_bucket(Bucket=BUCKET)
        client(aws.environment, "iam").create_role(
            RoleName="training", AssumeRolePolicyDocument=json.dumps(TRUST_SAGEMAKER)
        )
        other = Account(aws, account.role, iter(["job"]))
        assert other.run(other.request("import multiprocessing as m; m.Manager()"))["SecondaryStatus"] == "Completed"


def test_without_a_folder_that_jobs_can_use_a_sentence_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t m p").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t m p"))
    with (
        pytest.raises(MinistackError, match=r"neither .*a plan.* nor .*t m p: set TMPDIR"),
        EmbeddedAws(tmp_path / "a plan"),
    ):
        pass


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MinistackError, match=r"cannot write .*/file/aws: Not a directory\. It needs a checkout"):
        EmbeddedAws(tmp_path / "file" / "aws").__enter__()


def test_any_sdk_reaches_it_by_its_environment_alone(account: Account) -> None:
    script = (
        "import boto3\n"
        "boto3.client('s3').head_bucket(Bucket='training')\n"
        "try:\n"
        "    boto3.client('sagemaker').describe_training_job(TrainingJobName='none')\n"
        "except Exception as error:\n"
        "    print(error)"
    )
    environment = {"PATH": os.environ["PATH"], **account.aws.environment}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=SECONDS
    )
    assert "Requested resource not found" in done.stdout


def test_another_version_of_ministack_is_refused_with_a_sentence(tmp_path: Path) -> None:
    script = (
        "import importlib.metadata, runpy, sys\n"
        "importlib.metadata.version = lambda name: '9.9.9'\n"
        "sys.argv = ['child', '0']\n"
        "runpy.run_module('local_aws.ministack_child', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 1
    assert "ministack 1.5.33, but 9.9.9 is installed" in done.stderr
    assert "Traceback" not in done.stderr
