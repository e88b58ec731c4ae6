"""How a job's processes are started on all GPUs of all hosts, and what is said of one that ends without a word."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.training.training_jobs import Job
from training_code import train
from training_code.job import launcher
from training_code.job.failures import JobConfigError, ProcessLostError
from training_code.job.launcher import Hosts, hosts_to_start, run_processes


def test_one_host_with_one_process_needs_no_launcher(tmp_path: Path) -> None:
    assert hosts_to_start(tmp_path / "missing.json") is None
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}))
    assert hosts_to_start(path) is None


def test_the_hosts_of_a_job_agree_on_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]}))
    hosts = hosts_to_start(path)
    assert hosts is not None
    monkeypatch.setattr("socket.gethostbyname", {"algo-1": "10.0.0.7"}.__getitem__)
    assert hosts.arguments == ["--nnodes=2", "--node-rank=1", "--master-addr=10.0.0.7"]


@pytest.mark.parametrize("instance_type", ["ml.g5.2xlarge", "ml.g6e.2xlarge", "ml.p4d.24xlarge", "ml.p3.2xlarge"])
def test_a_gpu_that_is_paid_for_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance_type: str
) -> None:
    path = tmp_path / "resourceconfig.json"
    hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": instance_type}
    path.write_text(json.dumps(hosts))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(JobConfigError, match=rf"instance type {instance_type} has a GPU, but PyTorch .* sees none"):
        hosts_to_start(path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert hosts_to_start(path) is None


@pytest.mark.parametrize("instance_type", ["ml.m5.xlarge", "ml.c7g.xlarge", "ml.r5.large", "local", ""])
def test_a_machine_without_a_gpu_may_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance_type: str) -> None:
    path = tmp_path / "resourceconfig.json"
    hosts = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": instance_type}
    path.write_text(json.dumps(hosts))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert hosts_to_start(path) is None


def test_a_job_without_its_gpu_ends_before_it_reads_the_data(run_here: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = {"current_host": "algo-1", "hosts": ["algo-1"], "current_instance_type": "ml.g5.2xlarge"}
    (run_here.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    run_here.dataset.rename(run_here.base / "elsewhere")
    assert train.main() == 1
    assert run_here.failure.startswith("CONFIG: The instance type ml.g5.2xlarge has a GPU")


def test_a_resource_config_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text("{}")
    with pytest.raises(JobConfigError, match=r"resourceconfig\.json"):
        hosts_to_start(path)


# Several hosts

TWO = Hosts(("algo-1", "algo-2"), "algo-2", "eth1")


def test_the_processes_learn_which_network_they_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_EFA", tmp_path)
    network = {"NCCL_SOCKET_IFNAME": "eth1", "GLOO_SOCKET_IFNAME": "eth1"}
    assert TWO.environment == network
    assert Hosts(("algo-1",), "algo-1", "eth0").environment == {}, "PyTorch finds its own"
    (tmp_path / "uverbs0").touch()
    assert TWO.environment == network | {"FI_PROVIDER": "efa", "NCCL_PROTO": "simple", "RDMAV_FORK_SAFE": "1"}


def test_a_host_is_waited_for_until_its_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[object] = [OSError("unknown"), OSError("unknown"), "10.0.0.7"]

    def gethostbyname(_: str) -> object:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr("socket.gethostbyname", gethostbyname)
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert TWO.arguments[-1] == "--master-addr=10.0.0.7"
    answers[:] = [OSError("unknown")]
    monkeypatch.setattr(launcher, "_SECONDS_FOR_NAMES", -1)
    with pytest.raises(ProcessLostError, match=r"algo-1 of this job is unknown .*the host did not start\. Redrive"):
        _ = TWO.arguments


ONE = Hosts(("localhost",), "localhost", None)
"""Started by torchrun all the same, as with several GPUs."""


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch, kept_sigterm: None) -> Iterator[None]:
    monkeypatch.setattr(launcher, "_processes_per_host", lambda: 2)
    with mock.patch.dict(os.environ):  # or later tests' processes would look for the network of TWO
        yield


def python(code: str) -> list[str]:
    return [sys.executable, "-c", f"import os, pathlib, signal, sys, time; rank = int(os.environ['RANK']); {code}"]


def test_all_processes_end_well(two_gpus: None, tmp_path: Path) -> None:
    code = f"pathlib.Path({str(tmp_path)!r}, str(rank)).touch()"
    assert run_processes(ONE, python(code), failure=tmp_path / "failure") == 0
    assert {path.name for path in tmp_path.iterdir()} == {"0", "1"}


def test_a_process_that_is_killed_is_told_of(two_gpus: None, tmp_path: Path) -> None:
    code = "os.kill(os.getpid(), signal.SIGKILL) if rank else time.sleep(60)"
    with pytest.raises(ProcessLostError, match=r"process 1 of this job ended and left no reason \(SIGKILL\)"):
        run_processes(ONE, python(code), failure=tmp_path / "failure")


def test_a_killed_process_is_told_of_although_another_told_that_it_lost_it(two_gpus: None, tmp_path: Path) -> None:
    """Or a machine whose memory ran out would read as a broken connection."""
    failure = tmp_path / "failure"
    lose = f"pathlib.Path({str(failure)!r}).write_text('PROCESS_LOST: gone'); time.sleep(60)"
    die = f"[time.sleep(0.01) for _ in iter(pathlib.Path({str(failure)!r}).exists, True)]; os.kill(os.getpid(), 9)"
    code = f"exec({die!r} if rank else {lose!r})"
    with pytest.raises(ProcessLostError, match=r"process 1 of this job ended and left no reason \(SIGKILL\)"):
        run_processes(ONE, python(code), failure=failure)
    assert not failure.exists(), "what is raised takes its place"


def test_the_reason_that_a_process_leaves_is_kept(two_gpus: None, tmp_path: Path) -> None:
    failure = tmp_path / "failure"
    code = f"pathlib.Path({str(failure)!r}).write_text('OOM: full') if rank else None; sys.exit(rank)"
    assert run_processes(ONE, python(code), failure=failure) == 1
    assert failure.read_text() == "OOM: full"


def test_a_host_that_lost_another_one_lets_that_end_first(
    two_gpus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SageMaker may take the reason of the host that ends first."""
    slept: list[float] = []
    monkeypatch.setattr(Hosts, "arguments", ["--standalone"])
    monkeypatch.setattr("time.sleep", slept.append)
    failure = tmp_path / "failure"
    failure.write_text("PROCESS_LOST: gone")
    monkeypatch.setattr(launcher, "run", lambda _: _fail())
    assert run_processes(TWO, python(""), failure=failure) == 1
    failure.write_text("OOM: full")
    assert run_processes(TWO, python(""), failure=failure) == 1
    assert slept == [launcher.LINGER_SECONDS]


def _fail() -> None:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

    raise ChildFailedError("train", {0: ProcessFailure(local_rank=0, pid=1, exitcode=1, error_file="none")})
