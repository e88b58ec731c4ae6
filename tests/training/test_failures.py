"""Every way to fail ends with status 1, its code first in the failure file, and a sentence that helps."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.contract.samples import SampleDataset
from tests.training.training_jobs import SMALL, TRAIN, Job, write_dataset
from training_code import train
from training_code.config import TrainingConfig
from training_code.data.batches import Batch
from training_code.data.plan_dataset import Example, PlanDataset, Sample
from training_code.job.failures import DataError, MemoryExhaustedError
from training_code.loop.memory import memory_failures
from training_code.loop.training_step import TrainingStep

CONFIG = TrainingConfig()


@pytest.mark.parametrize(
    ("hyperparameters", "sentence"),
    [
        ({"recipe": "huge"}, "CONFIG: There is no recipe 'huge'; choose one of room_wall, tiny."),
        (
            {"epoch": "3"},
            "CONFIG: 'epoch' is not a setting of the training; did you mean epochs?",
        ),
        (
            {"gate_classes": "room"},
            "CONFIG: The hyperparameter gate_classes must be a JSON list of class names, not 'room'.",
        ),
        ({"gate_classes": "[1]"}, "CONFIG: The hyperparameter gate_classes must be a JSON list of class names,"),
        ({"epochs": "many"}, "CONFIG: epochs must be a whole number, not 'many'."),
        ({"batch_size": "0"}, "CONFIG: batch_size must be at least 1, not 0."),
    ],
)
def test_wrong_hyperparameters(
    run_here: Job, capfd: pytest.CaptureFixture[str], hyperparameters: dict[str, str], sentence: str
) -> None:
    run_here.configure(**hyperparameters)
    assert train.main() == 1
    assert run_here.failure.startswith(sentence)
    log = "".join(capfd.readouterr())
    assert run_here.failure in log
    assert "Traceback" not in log


def test_a_missing_channel(run_here: Job) -> None:
    run_here.dataset.rename(run_here.base / "elsewhere")
    assert train.main() == 1
    assert run_here.failure.startswith("CONFIG: ")
    assert "input channel named 'dataset'" in run_here.failure


def test_starting_weights_that_are_no_checkpoint(run_here: Job) -> None:
    channel = run_here.base / "input" / "data" / "pretrained"
    channel.mkdir()
    (channel / "dino.pth").write_bytes(b"<html>not found</html>")
    assert train.main() == 1
    assert run_here.failure.startswith("CONFIG: ")
    assert "dino.pth" in run_here.failure


def test_a_class_of_crowds_only(run_here: Job) -> None:
    write_dataset(run_here.dataset, crowds=[2])
    assert train.main() == 1
    assert run_here.failure.startswith("DATA: All 5 boxes of class 'room' in train are marked as crowds")
    assert "--crowds objects" in run_here.failure


def test_a_file_that_the_manifest_does_not_vouch_for(run_here: Job) -> None:
    (run_here.dataset / "train" / "images" / "000002.png").write_bytes(b"not what was uploaded")
    assert train.main() == 1
    assert run_here.failure.startswith("DATA: ")
    assert "train/images/000002.png" in run_here.failure


def test_a_data_set_that_was_replaced_after_its_check(run_here: Job) -> None:
    checked = json.loads((run_here.dataset / "manifest.json").read_text())["version"]
    write_dataset(run_here.dataset, varied=False)
    found = json.loads((run_here.dataset / "manifest.json").read_text())["version"]
    run_here.configure(**SMALL, epochs="1", dataset_version=checked)
    assert train.main() == 1
    assert run_here.failure.startswith("DATA: ")
    assert f"has the version {found}, but the one that this job is to train on has {checked}" in run_here.failure
    assert not (run_here.base / "checkpoints").exists()


def test_a_data_set_of_the_version_that_was_checked(run_here: Job) -> None:
    version = json.loads((run_here.dataset / "manifest.json").read_text())["version"]
    run_here.configure(**SMALL, epochs="1", dataset_version=version)
    assert train.main() == 0
    assert json.loads((run_here.model / "metrics.json").read_text())["dataset_version"] == version


def test_a_category_id_that_would_make_a_model_of_a_billion_classes(run_here: Job) -> None:
    shutil.rmtree(run_here.dataset)
    sample = SampleDataset()
    sample.give_a_class_the_id_of_a_billion()
    sample.write(run_here.dataset)
    assert train.main() == 1
    assert run_here.failure.startswith("DATA: Category 'room' in train has the id 1,000,000,000; the largest")


def test_a_loss_that_is_not_finite_stops_before_the_update(run_here: Job) -> None:
    run_here.configure(**SMALL, learning_rate="1e30", epochs="2")
    assert train.main() == 1
    assert run_here.failure.startswith("NAN_LOSS: ")
    assert '"training": {"learning_rate": 5e+29, "backbone_learning_rate": ' in run_here.failure
    assert "images/00000" in run_here.failure
    [batch] = torch.load(run_here.base / "output" / "data" / "non_finite_batch_0.pt", weights_only=True)
    assert batch["pixels"].shape[0] == 2
    health = json.loads((run_here.base / "output" / "data" / "health.json").read_text())
    assert health["status"] == "unhealthy"
    assert not health["checks"]["no_nan"]["passed"]
    history = (run_here.base / "checkpoints" / "history.jsonl").read_text().splitlines()
    assert len(history) == health["steps"] > 0


def test_a_last_update_that_leaves_no_numbers_is_found_by_the_evaluation(run_here: Job) -> None:
    """No loss follows that would tell."""
    run_here.configure(**{**SMALL, "batch_size": "6"}, learning_rate="1e30", epochs="1")
    assert train.main() == 1
    assert run_here.failure.startswith(
        "NAN_LOSS: what the model predicts on val/images/000007.png are no finite number"
    )
    assert '"training": {"learning_rate": 5e+29, "backbone_learning_rate": ' in run_here.failure
    assert not (run_here.base / "checkpoints" / "metrics.json").exists()
    assert not (run_here.model / "config.json").exists()


def test_the_updates_before_an_image_that_cannot_be_read_count(run_here: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    run_here.configure(**SMALL, epochs="1", workers="0")  # three updates of two images
    read, samples = PlanDataset.read, iter(range(100))

    def read_five(images: PlanDataset, sample: Sample) -> Example:
        if next(samples) == 5:
            raise DataError("The image is gone.")
        return read(images, sample)

    monkeypatch.setattr(PlanDataset, "read", read_five)
    assert train.main() == 1
    assert run_here.failure == "DATA: The image is gone."
    history = (run_here.base / "checkpoints" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in history] == [1, 2]


@pytest.mark.parametrize("broken", [1, 2], ids=["another update is queued behind it", "it ends an epoch"])
def test_the_images_of_the_update_whose_loss_is_not_finite_are_named(
    run_here: Job, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    run_here.configure(**SMALL, epochs="2")  # of three updates each
    positions: dict[int, list[int]] = {}
    accumulate = TrainingStep.accumulate

    def break_one(training: TrainingStep, batches: Sequence[Batch], step: int) -> torch.Tensor:
        figures = accumulate(training, batches, step)
        positions[step] = [position for batch in batches for position in batch.positions]
        return figures * float("nan") if step == broken and positions[step] else figures

    monkeypatch.setattr(TrainingStep, "accumulate", break_one)
    assert train.main() == 1
    assert run_here.failure.startswith(f"NAN_LOSS: the loss or its gradient at step {broken + 1} is not finite")
    names = ", ".join(sorted(f"images/{position + 1:06}.png" for position in positions[broken]))
    assert f"its images are {names}. " in run_here.failure
    [batch] = torch.load(run_here.base / "output" / "data" / "non_finite_batch_0.pt", weights_only=True)
    assert batch["positions"] == positions[broken]
    history = (run_here.base / "checkpoints" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in history] == list(range(1, broken + 1))
    assert not any((run_here.base / "checkpoints").glob("checkpoint-*"))
    assert list(positions) == [0, 1, 2]


def test_too_little_memory_is_found_before_the_first_step(job: Job) -> None:
    job.configure(**{**SMALL, "image_short_sides": "40000", "image_max_side": "60000"})
    status, log = job.run(f"import resource; resource.setrlimit(resource.RLIMIT_AS, (8 * 10**9,) * 2); {TRAIN}")
    assert status == 1
    assert job.failure.startswith("OOM: the memory does not suffice; start again on an instance type with more, or ")
    assert 'or with "training": {"batch_size": 1, "accumulation_steps": 2}.' in job.failure
    assert "[train]" not in log


@pytest.mark.faults
@pytest.mark.parametrize("megabytes", [0, 40, 120, 200])
def test_memory_that_runs_out_anywhere_is_out_of_memory(job: Job, megabytes: int) -> None:
    """While threads start, modules load, weights are made or convolutions run: each fails in words of its own.

    Where exactly the limit strikes varies with the machine's load, and a few places in the libraries' native code do
    not check what they are given: the process dies of SIGSEGV, which no Python code can turn into a sentence. And
    CPython's Thread.start() hangs if the new thread has too little memory to report its start. The test repeats these
    two with a little more memory; everything else must be the sentence at once.
    """
    job.configure(**SMALL, workers="0")
    status = None
    for more in (0, 7, 13, 19):
        with contextlib.suppress(subprocess.TimeoutExpired):
            status, _ = job.run_cold(sys.executable, "-c", LITTLE_MORE_MEMORY, str(megabytes + more), seconds=40)
            if status != -signal.SIGSEGV:
                break
    assert status == 1
    assert job.failure.startswith("OOM: the memory does not suffice; ")
    assert 'with "training": {"batch_size": 1, "accumulation_steps": 2}.' in job.failure


LITTLE_MORE_MEMORY = """
import resource, sys
from training_code import train
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]) * 2**20,) * 2)
sys.exit(train.main())
"""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("std::bad_alloc"),
        SystemError("error return without exception set"),
        SystemError("<function _find_and_load at 0x7f2cdfa8fce0> returned NULL without setting an exception"),
        ImportError("/usr/lib/python3.11/lib-dynload/_lsprof.so: failed to map segment from shared object"),
    ],
)
def test_every_word_for_a_lack_of_memory_is_known(error: Exception) -> None:
    with pytest.raises(MemoryExhaustedError, match=r"^OOM: the memory does not suffice; "), memory_failures(CONFIG):
        raise error


def test_what_saves_memory_takes_as_many_images_an_update() -> None:
    for batch, half in ((8, 4), (None, 1)):  # not measured yet: two
        with (
            pytest.raises(MemoryExhaustedError, match=f'"batch_size": {half}, "accumulation_steps": 2'),
            memory_failures(replace(CONFIG, batch_size=batch)),
        ):
            raise MemoryError


@pytest.mark.parametrize("error", [SystemError("unknown opcode"), RuntimeError("a bug"), OSError(errno.EIO, "")])
def test_other_errors_say_nothing_of_memory(error: Exception) -> None:
    with pytest.raises(type(error)), memory_failures(CONFIG):
        raise error


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_bus_error_of_a_worker_names_shared_memory(*, wrapped: bool) -> None:
    """As PyTorch says it where /dev/shm is small, as in some of SageMaker's containers."""
    bus_error = RuntimeError(
        "DataLoader worker (pid 71) is killed by signal: Bus error. It is possible that dataloader's workers are out of"
        " shared memory. Please try to raise your shared memory limit."
    )
    with (
        pytest.raises(MemoryExhaustedError, match=r'^OOM: .* \(/dev/shm is full\); .*"training": \{"workers": 2\}\.$'),
        memory_failures(replace(CONFIG, workers=4)),
    ):
        if wrapped:
            raise RuntimeError("DataLoader worker (pid(s) 71) exited unexpectedly") from bus_error
        raise bus_error


def test_a_worker_that_the_kernel_ends_for_lack_of_memory(job: Job) -> None:
    job.configure(**SMALL, epochs="500", workers="1")
    process = job.start()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    assert process.stdout
    while not process.stdout.readline().startswith("The largest batch fits"):
        assert process.poll() is None
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it was done anyway: the next one, then
            for worker in children.read_text().split():
                os.kill(int(worker), signal.SIGKILL)  # as the kernel does
        time.sleep(0.01)
    assert process.poll() == 1
    assert job.failure.startswith("OOM: the memory does not suffice, and a process that reads images was ended; ")
    assert 'or with "training": {"workers": 0}.' in job.failure


def test_a_job_that_hangs_is_ended(job: Job) -> None:
    job.configure(**SMALL, stall_minutes="0.001")
    status, log = job.run()
    assert status == 1
    assert job.failure.startswith("STALL: no step was finished")
    assert 'start again with "training": {"stall_minutes": 0.002}.' in job.failure
    assert "most recent call first" in log  # where each thread hangs
    health = json.loads((job.base / "checkpoints" / "health.json").read_text())
    assert health["status"] == "unhealthy"


def test_a_bug_shows_its_traceback(
    run_here: Job, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "initialise", lambda _: 1 // 0)
    assert train.main() == 1
    assert run_here.failure.startswith("BUG: ZeroDivisionError")
    assert "  Traceback" in capfd.readouterr().out
