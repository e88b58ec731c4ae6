"""Stands in for the trainer in the chaos run: two seconds of what a training job shows to the outside, nothing learned.

Log lines, checkpoints and resuming from them, the end on SIGTERM, health.json, the model's folder, the failure file.
It is packed as training_code/train.py with the trainer's real modules for these formats, and plan.json beside it, which
decides what goes wrong. tests/training provokes the trainer's own faults.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_code.job.failures import write_failure
from training_code.job.health import JUDGED_STEPS, judge_health
from training_code.job.interruptions import StopRequest
from training_code.job.metric_lines import (
    CLASS_FIGURES,
    TRAINING_FIGURES,
    VALIDATION_FIGURES,
    class_line,
    training_line,
    validation_line,
)
from training_code.job.sagemaker_paths import SageMakerPaths

STEPS_PER_LINE = 4
STEPS_PER_EPOCH = 20


def main() -> int:
    """Run the plan; returns the exit status."""
    plan = json.loads(Path(__file__).with_name("plan.json").read_bytes())
    paths, stop = SageMakerPaths.from_environment(), StopRequest()
    if not is_first_host(paths):
        return follow(paths, plan, stop)
    losses = restored(paths.checkpoints)
    if losses:
        log_line(f"Going on from the checkpoint after step {len(losses)} of {plan['steps']}.")
    while len(losses) < plan["steps"]:
        if stop.received:
            save(paths.checkpoints, losses)
            write_health(paths, losses)
            log_line(f"Asked to stop: the work up to step {len(losses)} of {plan['steps']} is saved in a checkpoint.")
            return 0
        time.sleep(plan["step_seconds"])
        losses.append(loss_of(plan, len(losses) + 1))
        step = len(losses)
        if step == plan["hangs_at"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN if plan["ignores_sigterm"] else signal.SIG_DFL)
            time.sleep(3600)
        if step == plan["dies_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == plan["fails_at"]:
            write_failure(paths.failure, f"{plan['failure_code']}: the plan says so.")
            write_health(paths, losses, failure=plan["failure_code"])
            return 1
        if step % STEPS_PER_LINE == 0 or step == plan["steps"]:
            figures = dict.fromkeys(TRAINING_FIGURES, 0.1) | {
                "loss": losses[-1],
                "images_per_second": plan["images_per_second"],
            }
            epoch = (step - 1) // STEPS_PER_EPOCH + 1
            log_line(training_line(step=step, steps=plan["steps"], epoch=epoch, figures=figures))
        if step % STEPS_PER_EPOCH == 0:
            save(paths.checkpoints, losses)
        if step == JUDGED_STEPS:
            write_health(paths, losses)
    finish(paths, plan, losses)
    return 0


def is_first_host(paths: SageMakerPaths) -> bool:
    """It alone writes and logs, as the trainer's first process."""
    config = json.loads(paths.resource_config.read_bytes())
    return bool(config["current_host"] == min(config["hosts"]))


def follow(paths: SageMakerPaths, plan: Mapping[str, Any], stop: StopRequest) -> int:
    """What another host does: as many steps, of which nobody sees anything."""
    for _ in range(len(restored(paths.checkpoints)), plan["steps"]):
        if stop.received:
            break
        time.sleep(plan["step_seconds"])
    return 0


def loss_of(plan: Mapping[str, Any], step: int) -> float:
    """Falling or rising all the time; not a number from the plan's step on."""
    if plan["nan_at"] is not None and step >= plan["nan_at"]:
        return float("nan")
    return 20.0 + step / 100 if plan["loss_rises"] else 20.0 / (1 + step / 50)


CHECKPOINT = "checkpoint-00000000-0000000000000000.pt"
"""A name as the trainer's have, by which the pipeline knows a checkpoint."""


def save(folder: Path, losses: list[float]) -> None:
    """A checkpoint holds the losses so far."""
    write_whole(folder / CHECKPOINT, losses)


def restored(folder: Path) -> list[float]:
    """The losses in the last checkpoint; none without one that is whole."""
    file = folder / CHECKPOINT
    try:
        return [float(loss) for loss in json.loads(file.read_bytes())] if file.exists() else []
    except ValueError:
        return []


def finish(paths: SageMakerPaths, plan: Mapping[str, Any], losses: list[float]) -> None:
    """An evaluation, and the model's folder, without weights."""
    steps, f1 = len(losses), plan["f1"]
    figures: dict[str, float] = dict.fromkeys(VALIDATION_FIGURES, f1)
    classes = {name: dict.fromkeys(CLASS_FIGURES, f1) for name in ("wall", "room")}
    log_line(validation_line(step=steps, epoch=-(-steps // STEPS_PER_EPOCH), figures=figures))
    for name, values in classes.items():
        log_line(class_line(step=steps, name=name, figures=values))
    write_whole(
        paths.model / "metrics.json", {**figures, "step": steps, "classes": classes, "evaluations": [], "test": None}
    )
    write_whole(paths.model / "config.json", {"steps": steps})
    write_health(paths, losses)


def write_health(paths: SageMakerPaths, losses: list[float], failure: str | None = None) -> None:
    """health.json in the trainer's three places, judged by its own rules."""
    seconds = max(0.1, len(losses) * 0.02)
    health = judge_health(losses, seconds=seconds, needed_minutes=0.0, failure=failure, from_scratch=True)
    for folder in (paths.model, paths.output_data, paths.checkpoints):
        write_whole(folder / "health.json", health)


def write_whole(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)


def log_line(line: str) -> None:
    """Write a line to the log at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
