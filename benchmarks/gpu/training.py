"""A training job of `room_wall` on generated plans, as SageMaker runs it: its losses, its speed, its exported model."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.figures import Points, Tell
from benchmarks.measuring import ROOT
from benchmarks.training import prepare
from dataset_contract.load import load_split
from dataset_prep.samples import write_samples
from prediction.backends.onnx_file import ONNX_NAME
from training_code.job.metric_lines import read_training_line
from training_code.recipes import RECIPES

STEPS, PLANS = 300, 100
DRY_STEPS, DRY_PLANS = 4, 4
SPEED = "speed with loading, median"
LEAST_LINES = 10
"""Of the log, of which the median is a speed although the training was stopped: a slow GPU may not come to its end."""


def train(dry: bool, tell: Tell) -> None:
    """The losses as the log tells them; then its speed, and whether it exported the model."""
    recipe = "tiny" if dry else "room_wall"
    with tempfile.TemporaryDirectory() as folder:
        plans, dataset, job = (Path(folder) / name for name in ("plans", "dataset", "job"))
        write_samples(plans, count=DRY_PLANS if dry else PLANS, seed=3)
        prepare(plans, dataset)
        images = len(load_split(dataset, "train").images)
        each = -(-images // RECIPES[recipe].training.images_at_once)
        epochs = str(max(1, round((DRY_STEPS if dry else STEPS) / each)))
        settings = {"recipe": recipe, "epochs": epochs, "evaluation_epochs": epochs, "log_steps": "2" if dry else "10"}
        (job / "input" / "config").mkdir(parents=True)
        (job / "input" / "config" / "hyperparameters.json").write_text(json.dumps(settings))
        (job / "input" / "data").mkdir()
        (job / "input" / "data" / "dataset").symlink_to(dataset)
        _follow(job, dry, tell)


def _follow(job: Path, dry: bool, tell: Tell) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "training_code.train"],
        cwd=ROOT,
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(job)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    losses: Points = []
    speeds: list[float] = []
    for line in process.stdout:
        print(line, end="", flush=True)
        if read := read_training_line(line.rstrip("\n")):
            losses.append((float(read.step), read.figures["loss"]))
            speeds.append(read.figures["images_per_second"])
            tell("losses", losses)
            if len(speeds) >= LEAST_LINES:
                _tell_speed(speeds, tell)
    if process.wait() != 0:
        raise RuntimeError(f"The training job ended with {process.returncode}.")
    tenth = max(1, len(losses) // 10)
    first, last = (sum(loss for _, loss in part) / tenth for part in (losses[:tenth], losses[-tenth:]))
    tell("steps", losses[-1][0])
    tell("mean loss of the last tenth by the first's", last / first, at_most=None if dry else 1.0)
    _tell_speed(speeds, tell)
    exported = (job / "model" / ONNX_NAME).exists()
    tell("the exported model finds what PyTorch finds", float(exported), at_least=1.0)


def _tell_speed(speeds: Sequence[float], tell: Tell) -> None:
    tell(SPEED, statistics.median(speeds), "images/s")
