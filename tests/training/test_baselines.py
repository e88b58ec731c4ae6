"""The comparison with baselines can take neither the job nor its model with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.metrics import ImageDetections
from tests.training.training_jobs import IMAGES, Job, put_baseline
from training_code.job.interruptions import StopRequest
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.loop import baselines

pytestmark = pytest.mark.usefixtures("kept_sigterm")

BEST: dict[str, Any] = {"f1_threshold": 0.5, "classes": {"wall": {"f1_threshold": 0.4}, "room": {"f1_threshold": None}}}
FOUND = [ImageDetections(9, np.ones(1, np.float32), np.ones(1, np.int64), np.ones((1, 4), np.float32))]


@pytest.fixture
def job(tmp_path: Path, dataset: Path) -> Job:
    job = Job(tmp_path)
    job.model.mkdir()
    put_baseline(job, "yolo", IMAGES["test"])
    job.dataset.symlink_to(dataset)
    return job


def write(job: Job, *, stopped: bool = False) -> tuple[dict[str, Any] | None, list[str]]:
    """What comparison.json says, if it is there, and the log."""
    lines: list[str] = []
    stop = StopRequest()
    stop.received = stopped
    baselines.write_comparison(SageMakerPaths(job.base), FOUND, BEST, stop=stop, log_line=lines.append)
    path = job.model / "comparison.json"
    return json.loads(path.read_text()) if path.exists() else None, lines


def test_without_the_channel_there_is_none(tmp_path: Path) -> None:
    assert write(Job(tmp_path)) == (None, [])


def test_one_that_takes_too_long_is_ended(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "LONGEST_SECONDS", 0)
    compared, lines = write(job)
    assert compared is not None
    assert compared["not_compared"] == {"yolo": "the comparison takes longer than 0 seconds."}
    assert lines[-1] == "warning: yolo is not compared: the comparison takes longer than 0 seconds."


def test_a_job_that_is_to_stop_does_not_wait_for_it(job: Job) -> None:
    compared, _ = write(job, stopped=True)
    assert compared is not None
    assert compared["not_compared"] == {"yolo": "the job was asked to stop."}


@pytest.mark.parametrize(
    ("program", "status"),
    [("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "-9"), ("raise ValueError('[train] loss=1')", "1")],
    ids=["killed for its memory", "a fault of its own"],
)
def test_one_that_dies_is_said_with_its_last_lines(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, status: str
) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}"\n')
    stand_in.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    compared, lines = write(job)
    assert compared is not None
    assert f"ended with the exit status {status}" in compared["not_compared"]["yolo"]
    assert not [line for line in lines if line.startswith("[")]


def test_a_model_folder_that_cannot_be_written_to_is_said(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "LONGEST_SECONDS", 0)
    job.model.rmdir()
    compared, lines = write(job)
    assert compared is None
    assert "warning: The comparison with the baselines failed, and the model is as good without it:" in lines
