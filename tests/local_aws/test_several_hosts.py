"""A training job on several instances: a process here for each, with a container's directory of its own."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Account, eventually
from tests.local_aws.test_sagemaker_jobs import files_in

TWO = {"ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 2}}

PREAMBLE = """
import json, os, pathlib, signal, socket, sys, time
root = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
config = json.loads((root / "input/config/resourceconfig.json").read_text())
host = config["current_host"]
"""
# Each waits for the other at the port and the name that all know.
MEET = (
    PREAMBLE
    + """
port = int(os.environ["PET_MASTER_PORT"])
if host == "algo-1":
    with socket.create_server(("", port)) as server:
        connection, _ = server.accept()
        other = connection.recv(100).decode()
else:
    while True:
        try:
            connection = socket.create_connection((socket.gethostbyname(config["hosts"][0]), port))
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    connection.sendall(host.encode())
    other = "algo-1"
print(host, "met", other, json.dumps(config["hosts"]))
(root / "model" / f"of-{host}").write_text("weights")
"""
)


def logs(account: Account, name: str, host: str) -> list[str]:
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}
    client = account.client("logs")
    [stream] = client.describe_log_streams(**group, logStreamNamePrefix=f"{name}/{host}-")["logStreams"]
    events = client.get_log_events(**group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]
    return [event["message"] for event in events]


def test_the_hosts_find_each_other_and_write_one_model(account: Account) -> None:
    ended = account.run(account.request(MEET, **TWO))
    assert ended["TrainingJobStatus"] == "Completed", ended
    name = ended["TrainingJobName"]
    assert logs(account, name, "algo-1") == ['algo-1 met algo-2 ["algo-1", "algo-2"]']
    assert logs(account, name, "algo-2") == ['algo-2 met algo-1 ["algo-1", "algo-2"]']
    model = account.object(f"training-jobs/{name}/output/model.tar.gz")
    assert files_in(model) == {"of-algo-1": "weights", "of-algo-2": "weights"}


def test_files_of_one_name_are_refused(account: Account) -> None:
    script = f"{PREAMBLE}(root / 'model' / 'weights').write_text(host)"
    ended = account.run(account.request(script, **TWO))
    assert (ended["TrainingJobStatus"], "two hosts wrote" in ended["FailureReason"]) == ("Failed", True)


def test_each_host_has_the_checkpoints_of_all(account: Account) -> None:
    script = (
        PREAMBLE
        + """
found = sorted(path.name for path in (root / "checkpoints").iterdir())
if not found:
    (root / "checkpoints" / host).write_text("saved")
    print("training", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    while True:
        signal.pause()
print(found)
"""
    )
    request = account.spot_request(script, **TWO)
    name = account.start(request)
    prefix = f"checkpoints/{name}/"
    eventually(lambda: account.keys(prefix) == [f"{prefix}algo-1", f"{prefix}algo-2"], "both have saved")
    account.aws.training_jobs.interrupt(name)
    assert account.ended(name)["TrainingJobStatus"] == "Completed"
    assert "['algo-1', 'algo-2']" in account.log(name)


FAILS = (
    PREAMBLE
    + """
def stopped(*_):
    (root / "output" / "failure").write_text("told to stop")
    sys.exit(1)
signal.signal(signal.SIGTERM, stopped)
if host == "algo-2" and FAIL:
    (root / "output" / "failure").write_text("no more memory")
    sys.exit(3)
print("training", flush=True)
while True:
    signal.pause()
"""
)


def test_a_host_that_fails_ends_the_job_with_its_reason(account: Account) -> None:
    ended = account.run(account.request(FAILS.replace("FAIL", "True"), **TWO))
    assert ended["FailureReason"] == "AlgorithmError: no more memory, exit code: 3"


@pytest.mark.parametrize("host", ["algo-1", "algo-2"])
def test_a_host_that_is_lost_ends_the_job_with_the_reason_of_the_other(account: Account, host: str) -> None:
    name = account.start(account.request(FAILS.replace("FAIL", "False"), **TWO))
    for each in ("algo-1", "algo-2"):
        eventually(lambda each=each: is_training(account, name, each), "both train")  # type: ignore[misc]
    account.aws.training_jobs.lose_host(name, host)
    assert account.ended(name)["FailureReason"] == "AlgorithmError: told to stop, exit code: 137"


def is_training(account: Account, name: str, host: str) -> bool:
    try:
        return logs(account, name, host) == ["training"]
    except (ValueError, ClientError):  # there is no stream yet
        return False


def test_only_a_host_of_a_job_that_trains_can_be_lost(account: Account) -> None:
    name = account.run(account.request("pass"))["TrainingJobName"]
    with pytest.raises(ValueError, match="is not training on algo-1"):
        account.aws.training_jobs.lose_host(name, "algo-1")


def test_a_host_that_has_not_begun_cannot_be_lost(account: Account) -> None:
    """Or whoever loses it would wait for an end that never comes."""
    account.aws.faults.slow_start({"Training": 60})
    name = account.start(account.request("pass", **TWO))
    try:
        account.aws.training_jobs.wait_for(name, ["Training"], 30)
        with pytest.raises(ValueError, match="is not training on algo-2"):
            account.aws.training_jobs.lose_host(name, "algo-2")
    finally:
        account.aws.faults.clear()
        account.client("sagemaker").stop_training_job(TrainingJobName=name)
        account.ended(name)


def test_each_instance_counts_against_the_quota(account: Account) -> None:
    account.aws.service_quotas.set("ml.g5.2xlarge", 2, spot=False)
    three: dict[str, Any] = {"ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 3}}
    try:
        with pytest.raises(ClientError, match=r"is 2 Instances, .* utilization of 0 .* delta of 3 Instances"):
            account.start(account.request("pass", **three))
        assert account.run(account.request("pass", **TWO))["TrainingJobStatus"] == "Completed"
    finally:
        account.aws.service_quotas.reset()
