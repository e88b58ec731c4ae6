"""A full or read-only disk is told as such, wherever the job writes, and takes no earlier checkpoint with it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from tests.training.mounts import run_with_mount
from tests.training.training_jobs import SMALL, TRAIN, Job
from training_code import train
from training_code.job.checkpoints import load_newest_checkpoint, save_checkpoint
from training_code.job.disk import any_disk_failure, disk_failures
from training_code.job.failures import DiskError, write_failure
from training_code.loop import shipping

FULL = "cannot be written to (No space left on device): start again on an instance type with a larger disk"
READ_ONLY = "cannot be written to (Read-only file system): let the job write there"


@pytest.mark.parametrize(
    ("folder", "options", "place", "sentence", "left"),
    [
        ("checkpoints", "size=18m", "", FULL, "checkpoint-00000003-"),  # enough for one, not for two
        ("checkpoints", "ro", "/tensorboard", READ_ONLY, ""),
        ("checkpoints/tensorboard", "size=4k", "", FULL, "events."),
        ("checkpoints/pictures", "size=4k", "/epoch-0002", FULL, "epoch-0002"),
        ("model", "size=1m", "", FULL, "health.json"),
        ("model", "ro", "", READ_ONLY, ""),
        ("output/data", "nr_inodes=1", "", FULL, ""),
    ],
)
def test_a_disk_without_room_is_no_bug(
    *, job: Job, folder: str, options: str, place: str, sentence: str, left: str
) -> None:
    job.configure(**{**SMALL, "evaluation_epochs": "2"}, epochs="2")
    status, log = run_with_mount(job, str(job.base / folder), options)
    assert status == 1, log
    assert job.failure.startswith(f"DISK: {job.base / folder}{place} {sentence}"), log
    assert left in log[log.index("DISK: ") :]
    assert "Traceback" not in log


def test_where_the_failure_cannot_be_written_the_log_tells_of_it(job: Job) -> None:
    job.configure(**SMALL, epochs="1")
    status, log = run_with_mount(job, str(job.base / "output"), "nr_inodes=1")
    assert status == 1
    assert f"DISK: {job.base / 'output' / 'data'}" in log
    assert f"{job.base / 'output' / 'failure'} cannot be written to (No space left on device)." in log
    assert "Traceback" not in log


def test_a_limit_on_files_is_one_of_the_disk(job: Job) -> None:
    job.configure(**SMALL, epochs="1")
    status, log = job.run(f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20,) * 2); {TRAIN}")
    assert status == 1, log
    assert job.failure.startswith(f"DISK: {job.base / 'checkpoints'} cannot be written to (")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        PermissionError(errno.EACCES, "Permission denied"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
        RuntimeError("[enforce fail at inline_container.cc:850] . PytorchStreamWriter failed writing file data/3: ..."),
    ],
)
def test_every_word_for_a_failed_write_is_known(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(DiskError, match=f"{tmp_path} cannot be written to"), disk_failures(tmp_path):
        raise error


@pytest.mark.parametrize("error", [OSError(errno.ENOMEM, "Cannot allocate memory"), RuntimeError("a bug"), KeyError()])
def test_other_errors_stay_what_they_are(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), any_disk_failure(tmp_path), disk_failures(tmp_path):
        raise error


def test_a_write_that_nobody_thought_of_counts_too(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="/scratch/x cannot be written to"), any_disk_failure(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device", "/scratch/x")
    with pytest.raises(FileNotFoundError), any_disk_failure(tmp_path):
        (tmp_path / "missing").read_bytes()


def test_a_checkpoint_that_finds_no_room_leaves_the_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path, 1, {"step": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError):
        save_checkpoint(tmp_path, 2, {"step": 2, "weights": torch.ones(1000)})
    assert (load_newest_checkpoint(tmp_path, print) or {})["step"] == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failure_that_cannot_be_written_raises_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "output").write_text("a file where the folder should be")
    write_failure(tmp_path / "output" / "failure", "BUG")
    assert f"{tmp_path / 'output' / 'failure'} cannot be written to" in capfd.readouterr().err


def test_a_loss_that_is_not_finite_stays_the_cause_where_its_batch_cannot_be_saved(run_here: Job) -> None:
    run_here.configure(**SMALL, learning_rate="1e30", epochs="2")
    output = run_here.base / "output" / "data"
    output.mkdir(parents=True)
    (output / "non_finite_batch_0.pt").mkdir()  # in its way
    assert train.main() == 1
    assert run_here.failure.startswith("NAN_LOSS: ")
    assert "the batch could not be saved" in run_here.failure


def test_a_refused_checkpoint_keeps_the_health_of_its_own_training(
    run_here: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_here.configure(**SMALL, epochs="1")
    monkeypatch.setattr(shipping, "write_artifact", lambda *_, **__: None)
    assert train.main() == 0
    health = run_here.base / "checkpoints" / "health.json"
    before = health.read_bytes()
    run_here.configure(**SMALL, epochs="2")
    assert train.main() == 1
    assert run_here.failure.startswith("CONFIG: The checkpoints in ")
    assert health.read_bytes() == before
