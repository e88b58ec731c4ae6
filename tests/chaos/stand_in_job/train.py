"""Stands in for the trainer in the chaos run: two seconds of what is seen of a training job from outside it.

Lines of the log, checkpoints and going on from them, the end on SIGTERM, health.json, the model's folder, the failure
file; nothing is learned. It travels as training_code/train.py, beside the trainer's real modules for these formats, and
plan.json beside it says what goes wrong. The trainer's own faults are provoked in tests/training.
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
from training_code.job.metric_lines import CLASS_FIGURES, TRAINING_FIGURES, VALIDATION_FIGURES, training_line
from training_code.job.metric_lines import class_line as class_line_of
from training_code.job.metric_lines import validation_line as validation_line_of
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.job.watch import StopRequest

STEPS_PER_LINE = 4
STEPS_PER_EPOCH = 20


def main() -> int:
    """Run the plan; returns the exit status."""
    plan = json.loads(Path(__file__).with_name("plan.json").read_bytes())
    paths, stop = SageMakerPaths.from_environment(), StopRequest()
    losses = restored(paths.checkpoints)
    if losses:
        say(f"Going on from the checkpoint after step {len(losses)} of {plan['steps']}.")
    while len(losses) < plan["steps"]:
        if stop.received:
            save(paths.checkpoints, losses)
            write_health(paths, losses)
            say(f"Asked to stop: the work up to step {len(losses)} of {plan['steps']} is saved in a checkpoint.")
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
            write_failure(paths.failure, f"{plan['failure_word']}: the plan says so.")
            write_health(paths, losses, failure=plan["failure_word"])
            return 1
        if step % STEPS_PER_LINE == 0 or step == plan["steps"]:
            figures = dict.fromkeys(TRAINING_FIGURES, 0.1) | {
                "loss": losses[-1],
                "images_per_second": plan["images_per_second"],
            }
            epoch = (step - 1) // STEPS_PER_EPOCH + 1
            say(training_line(step=step, steps=plan["steps"], epoch=epoch, figures=figures))
        if step % STEPS_PER_EPOCH == 0:
            save(paths.checkpoints, losses)
        if step == JUDGED_STEPS:
            write_health(paths, losses)
    finish(paths, plan, losses)
    return 0


def loss_of(plan: Mapping[str, Any], step: int) -> float:
    """Falling or rising without an end; not a number from the plan's step on."""
    if plan["nan_at"] is not None and step >= plan["nan_at"]:
        return float("nan")
    return 20.0 + step / 100 if plan["loss_rises"] else 20.0 / (1 + step / 50)


def save(folder: Path, losses: list[float]) -> None:
    """A checkpoint holds the losses so far."""
    write_whole(folder / "checkpoint.json", losses)


def restored(folder: Path) -> list[float]:
    """What the last checkpoint holds; nothing without one."""
    file = folder / "checkpoint.json"
    return [float(loss) for loss in json.loads(file.read_bytes())] if file.exists() else []


def finish(paths: SageMakerPaths, plan: Mapping[str, Any], losses: list[float]) -> None:
    """An evaluation, and the model's folder, without weights."""
    steps, f1 = len(losses), plan["f1"]
    figures: dict[str, float] = dict.fromkeys(VALIDATION_FIGURES, f1)
    classes = {name: dict.fromkeys(CLASS_FIGURES, f1) for name in ("wall", "room")}
    say(validation_line_of(step=steps, epoch=-(-steps // STEPS_PER_EPOCH), figures=figures))
    for name, values in classes.items():
        say(class_line_of(step=steps, name=name, figures=values))
    write_whole(paths.model / "metrics.json", {**figures, "step": steps, "classes": classes, "earlier": []})
    write_whole(paths.model / "config.json", {"steps": steps})
    write_health(paths, losses)


def write_health(paths: SageMakerPaths, losses: list[float], failure: str | None = None) -> None:
    """health.json in the trainer's three places, judged by its own rules."""
    health = judge_health(losses, seconds=max(0.1, len(losses) * 0.02), needed_minutes=0.0, failure=failure)
    for folder in (paths.model, paths.output_data, paths.checkpoints):
        write_whole(folder / "health.json", health)


def write_whole(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)


def say(line: str) -> None:
    """Write a line to the log at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
