"""Processes that train together learn what one process learns from the same images."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from tests.training.training_jobs import SMALL, Job, write_dataset
from training_code.failures import JobConfigError
from training_code.processes import command_for_all


def test_two_processes_with_half_the_batch_are_one_with_all_of_it(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept_sigterm: None
) -> None:
    other = Job(tmp_path / "two")
    rates = {"learning_rate": "1e-5", "backbone_learning_rate": "1e-5"}  # Adam makes much of rounding at first
    for each in (job, other):
        write_dataset(each.dataset, varied=False)  # padding differs with the batch, and group norm sees it
        each.configure(**SMALL, epochs="1", **rates)
    program = "tests.training.two_process_job"
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(job.base))
    monkeypatch.setattr(sys, "argv", [program, "4"])
    runpy.run_module(program)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    status, log = other.run(sys.executable, *torchrun, "-m", program, "2")
    assert status == 0, log
    for one, both in zip(job.losses(), other.losses(), strict=True):
        assert both == pytest.approx(one, rel=1e-3)
    metrics = [json.loads((each.model / "metrics.json").read_text()) for each in (job, other)]
    assert metrics[0]["ap50"] == pytest.approx(metrics[1]["ap50"], abs=0.01)


def test_one_host_with_one_process_needs_no_launcher(tmp_path: Path) -> None:
    assert command_for_all(tmp_path / "missing.json") is None
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}))
    assert command_for_all(path) is None


def test_the_hosts_of_a_job_agree_on_their_places(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]}))
    command = command_for_all(path)
    assert command is not None
    assert {"--nnodes=2", "--node-rank=1", "--master-addr=algo-1"} <= set(command)


def test_a_resource_config_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text("{}")
    with pytest.raises(JobConfigError, match=r"resourceconfig\.json"):
        command_for_all(path)
