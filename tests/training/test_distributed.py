"""Processes that train together learn what one process learns from the same images."""

import json
import re
import signal
import socket
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from torch import distributed

from tests.training.training_jobs import SMALL, TWO_PROCESS_JOB, Job, write_dataset
from training_code.job.checkpoints import load_newest_checkpoint
from training_code.job.distributed import initialise, process_losses
from training_code.job.failures import ProcessLostError


def test_two_processes_with_half_the_batch_are_one_with_all_of_it(job: Job, tmp_path: Path) -> None:
    other = Job(tmp_path / "two")
    rates = {"learning_rate": "1e-5", "backbone_learning_rate": "1e-5"}  # Adam makes much of rounding at first
    for each in (job, other):
        write_dataset(each.dataset, varied=False)  # padding differs with the batch, and group norm sees it
        each.configure(**SMALL, epochs="1", **rates)
    status, log = job.run(TWO_PROCESS_JOB, "4")
    assert status == 0, log
    ended = other.run_two(TWO_PROCESS_JOB, "2")
    assert [status for status, _ in ended] == [0, 0], ended
    assert "FutureWarning" not in ended[0][1]
    for one, both in zip(job.losses(), other.losses(), strict=True):
        # Sums of fp32 in another order: 5e-7 was measured, the rest is room for other processors.
        assert both == pytest.approx(one, rel=1e-5)
    metrics = [json.loads((each.model / "metrics.json").read_text()) for each in (job, other)]
    assert metrics[0]["ap50"] == pytest.approx(metrics[1]["ap50"], abs=0.01)


def test_all_processes_stop_after_the_same_update(job: Job) -> None:
    """The one after that in which any of them was asked to: its figures are read when the next one is queued."""
    job.configure(**{**SMALL, "batch_size": "1"}, epochs="9")  # three updates each
    (first, log), (second, log_of_second) = job.run_two(STOPPING)
    assert (first, second) == (0, 0), log + log_of_second
    assert "Asked to stop: the work up to step 5 of 27 is saved in a checkpoint." in log
    state = load_newest_checkpoint(job.base / "checkpoints", print)
    assert state is not None and state["step"] == 5


def test_all_processes_end_at_a_loss_that_is_not_finite_in_one(job: Job) -> None:
    job.configure(**{**SMALL, "batch_size": "1"}, epochs="2")
    (first, log), (second, log_of_second) = job.run_two(BREAKING)
    assert (first, second) == (1, 1), log + log_of_second
    assert job.failure.startswith("NAN_LOSS: the loss or its gradient at step 2 is not finite")
    [saved] = (job.base / "output" / "data").glob("non_finite_batch_*.pt")
    assert saved.name == "non_finite_batch_1.pt"
    [batch] = torch.load(saved, weights_only=True)
    assert f"its images are images/{batch['positions'][0] + 1:06}.png. " in job.failure


@pytest.mark.faults
def test_two_hosts_train_together_and_stop_together(job: Job, tmp_path: Path) -> None:
    """Through the real entry and torchrun, which passes SIGTERM on; each host has a tree of its own."""
    other = Job(tmp_path / "other")
    other.dataset.parent.mkdir(parents=True)
    other.dataset.symlink_to(job.dataset)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    hosts = {"127.0.0.1": job, "localhost": other}
    for host, each in hosts.items():
        each.configure(**SMALL, epochs="100")
        config = {"current_host": host, "hosts": list(hosts), "network_interface_name": "lo"}
        (each.base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    first, second = started = [each.start_cold(PET_MASTER_PORT=port) for each in hosts.values()]
    assert first.stdout is not None
    log = ""
    for line in first.stdout:
        log += line
        if "step=3/200" in line:  # two of four images a host: two steps an epoch
            for process in started:
                process.send_signal(signal.SIGTERM)
    log_of_second, _ = second.communicate(timeout=60)
    assert (first.wait(60), second.returncode) == (0, 0)
    stopped_at = re.search(r"the work up to step ([0-9]+) of 200 is saved in a checkpoint", log)
    assert stopped_at, log + log_of_second
    state = load_newest_checkpoint(job.base / "checkpoints", print)
    assert state is not None and state["step"] == int(stopped_at[1]) >= 3
    assert '"processes": 2' in state["fingerprint"]
    assert not (other.base / "checkpoints").exists() and "[train]" not in log_of_second
    assert not any((each.base / "output" / "failure").exists() for each in hosts.values())


@pytest.mark.parametrize("minutes", [20, 60, 0.001])
def test_no_exchange_gives_up_before_a_stall_is_told(minutes: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, timedelta] = {}
    monkeypatch.setattr(distributed, "init_process_group", lambda _, **given: asked.update(given))
    initialise(minutes, {"WORLD_SIZE": "2", "RANK": "1"})
    assert asked["timeout"] >= timedelta(minutes=minutes + 1)


def test_processes_close_together(job: Job, tmp_path: Path) -> None:
    """One that ends early must not take down the first, which writes the model: torchrun would end both."""
    ended = job.run_two(CLOSING, str(tmp_path / "model"))
    assert [status for status, _ in ended] == [0, 0], ended


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1"),
        distributed.DistBackendError("NCCL error: remote process exited or there was a network error"),
        distributed.DistNetworkError("Broken pipe"),
    ],
)
def test_an_exchange_whose_other_side_is_gone_is_told_as_that(error: RuntimeError) -> None:
    with pytest.raises(ProcessLostError, match=r"connection to another process .* Redrive"), process_losses():
        raise error
    assert str(ProcessLostError("x")) == "PROCESS_LOST: x"


def test_another_fault_is_no_lost_process() -> None:
    with pytest.raises(RuntimeError, match="shapes do not match"), process_losses():
        raise RuntimeError("shapes do not match")


def test_what_is_left_learns_that_the_other_process_was_killed(job: Job) -> None:
    (first, log), (second, _) = job.run_two(LOSING)
    assert (first, second) == (0, -9), log


STOPPING = """
import os, signal, sys
from training_code import train
from training_code.loop.training_step import TrainingStep
accumulate = TrainingStep.accumulate

def stopped_in_the_fourth(training, batches, step):
    if step == 3 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGTERM)
    return accumulate(training, batches, step)

TrainingStep.accumulate = stopped_in_the_fourth
sys.exit(train.main())
"""


BREAKING = """
import os, sys
from training_code import train
from training_code.loop.training_step import TrainingStep
accumulate = TrainingStep.accumulate

def broken_in_one(training, batches, step):
    figures = accumulate(training, batches, step)
    return figures * float("nan") if step == 1 and os.environ["RANK"] == "1" else figures

TrainingStep.accumulate = broken_in_one
sys.exit(train.main())
"""


LOSING = """
import os, signal
from training_code.job.distributed import initialise, process_losses
from training_code.job.failures import ProcessLostError
context = initialise(stall_minutes=1)
context.gather(1)
if not context.is_first:
    os.kill(os.getpid(), signal.SIGKILL)
try:
    with process_losses():
        context.gather(2)
except ProcessLostError:
    os._exit(0)
os._exit(1)
"""


CLOSING = """
import pathlib, sys, time
from torch import distributed
from training_code.job.distributed import initialise
context, model = initialise(stall_minutes=1), pathlib.Path(sys.argv[1])
if context.is_first:
    time.sleep(1)
    model.touch()
context.close()
assert model.exists()
assert not distributed.is_initialized()
"""
