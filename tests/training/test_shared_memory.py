"""Too little shared memory is known before the first batch, and never a hang."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.training.mounts import run_with_mount
from tests.training.training_jobs import SMALL, Job
from training_code.config import TrainingConfig
from training_code.loop import memory
from training_code.loop.memory import with_fitting_workers

CONFIG = TrainingConfig(batch_size=2, workers=4, image_short_sides=(800,), image_max_side=1333)
BATCH = 2 * 1333**2 * 4
"""Bytes of the largest one: one plan of 1333x800 beside one the other way round."""
MIB = 2**20


def fitting(monkeypatch: pytest.MonkeyPatch, free: int, *, processes: int = 1, flags: int = 0) -> tuple[int, list[str]]:
    """Workers with so many bytes free, and what is said about it."""
    status = SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_flag=flags)
    monkeypatch.setattr(os, "statvfs", lambda path: status if path == "/dev/shm" else None)  # noqa: S108
    lines: list[str] = []
    sizes = [(500, 400), (2000, 1000), (300, 900)]
    config = with_fitting_workers(CONFIG, sizes, processes=processes, log_line=lines.append)
    assert config == replace(CONFIG, workers=config.workers)
    return config.workers, lines


def test_enough_shared_memory_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitting(monkeypatch, 10 * BATCH + 2 * MIB) == (4, [])
    assert fitting(monkeypatch, 2 * (10 * BATCH + 2 * MIB), processes=2) == (4, [])


@pytest.mark.parametrize(
    ("free", "processes", "workers"),
    [
        (10 * BATCH, 1, 3),
        (10 * BATCH + 2 * MIB, 2, 1),
        (6 * BATCH + 2 * MIB, 1, 2),
        (4 * BATCH + 2 * MIB, 1, 1),
        (64 * MIB, 1, 1),  # Docker's default
        (32 * MIB, 1, 0),
        (0, 1, 0),
    ],
)
def test_as_many_workers_as_it_has_room_for(
    monkeypatch: pytest.MonkeyPatch, free: int, processes: int, workers: int
) -> None:
    found, [said] = fitting(monkeypatch, free, processes=processes)
    assert found == workers
    assert said.startswith(
        f"warning: /dev/shm has {free / MIB:.0f} MiB free, too little for the batches of 4 workers: "
    )
    assert ("the training process itself" in said) is (workers == 0)


def test_shared_memory_that_cannot_be_written_or_is_not_there_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitting(monkeypatch, 100 * BATCH, flags=os.ST_RDONLY)[0] == 0
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory, "SHARED_MEMORY", "/nowhere")
    monkeypatch.undo()
    monkeypatch.setattr(memory, "SHARED_MEMORY", "/nowhere")
    lines: list[str] = []
    config = with_fitting_workers(CONFIG, [(9, 9)], processes=1, log_line=lines.append)
    assert (config.workers, len(lines)) == ((0, 1) if sys.platform == "linux" else (4, 0))


def test_an_oblong_crop_of_a_square_plan_needs_more_than_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops of 600x384 become 1250x800."""
    status = SimpleNamespace(f_bavail=(10 * 2 * 800**2 * 4 + 2 * MIB) // 4096, f_frsize=4096, f_flag=0)
    monkeypatch.setattr(os, "statvfs", lambda _: status)
    for config, workers in ((replace(CONFIG, crop_short_sides=()), 4), (CONFIG, 2)):
        assert with_fitting_workers(config, [(900, 900)], processes=1, log_line=lambda _: None).workers == workers


def test_no_workers_need_no_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: pytest.fail("nobody asked"))
    lines: list[str] = []
    none = replace(CONFIG, workers=0)
    assert with_fitting_workers(none, [(9, 9)], processes=1, log_line=lines.append) == none
    assert not lines


def test_a_job_with_little_shared_memory_trains_without_workers(job: Job) -> None:
    job.configure(**SMALL, epochs="1", workers="2", stall_minutes="1")
    status, log = run_with_mount(job, memory.SHARED_MEMORY, "size=100k")
    assert status == 0, log
    assert " has 0 MiB free, too little for the batches of 2 workers: no workers read the images" in log
    assert len(job.losses()) == 3


def test_shared_memory_that_fills_up_later_ends_the_job_at_once(job: Job) -> None:
    """By another process, say: the worker's lack reaches the trainer, instead of a batch that never comes."""
    job.configure(**{**SMALL, "image_short_sides": "160", "image_max_side": "240"}, epochs="1", workers="2")
    status, log = run_with_mount(job, memory.SHARED_MEMORY, "size=150k", FILLED_UP_LATER)
    assert status == 1, log
    assert job.failure.startswith("OOM: the memory does not suffice (/dev/shm is full); ")
    assert 'or with "training": {"workers": 1}.' in job.failure


FILLED_UP_LATER = """
import sys
from training_code import train
from training_code.loop import memory
memory._free_shared_memory = lambda: sys.maxsize
sys.exit(train.main())
"""
