"""Snapshots of jobs: healthy ones, with what a test changes, and ones in any state."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pipeline.execution import Execution
from pipeline.job.checkpoint_folder import CheckpointFolder
from pipeline.job.description import QUEUED
from pipeline.job.health_reader import read_health
from pipeline.job.log import LogEnd
from pipeline.job.snapshot import JobSnapshot
from pipeline.quote.cost_quote import Quote
from pipeline.request_input import parse_request
from pipeline.settings import Defaults, WatchSettings

from tests.pipeline.conftest import accepted_quote, context, described_job, launched_job
from training_code.job.health import judge_health
from training_code.job.metric_lines import TRAINING_FIGURES, TrainingLine

CREATED = described_job("job")["CreationTime"]
NOW = CREATED + timedelta(hours=1)
STALL_MINUTES, QUEUE_MINUTES = 30, 20
MakeSnapshot = Callable[..., JobSnapshot]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def since(status: str, *, minutes_ago: float) -> dict[str, Any]:
    """DescribeTrainingJob's fields of a job in this secondary status for so long."""
    start = NOW - minutes(minutes_ago)
    starting = [] if status in QUEUED else [{"Status": "Starting", "StartTime": CREATED, "EndTime": start}]
    return {"secondary": status, "SecondaryStatusTransitions": [*starting, {"Status": status, "StartTime": start}]}


def line(step: int, *, steps: int = 1000, loss: float = 5.0, speed: float = 2.7, images: float = 2.0) -> TrainingLine:
    figures = dict.fromkeys(TRAINING_FIGURES, 1.0)
    figures |= {"loss": loss, "images_per_second": speed, "images_per_update": images}
    return TrainingLine(step, steps, 1, figures)


def lines(count: int, **more: Any) -> tuple[TrainingLine, ...]:
    return tuple(line(10 * (index + 1), **more) for index in range(count))


def health(
    *, falling: bool = True, seconds: float = 660, failure: str | None = None, at: datetime = NOW, steps: int = 100
) -> CheckpointFolder:
    losses = [float(steps - step if falling else step) for step in range(steps)]
    judged = judge_health(losses, seconds=seconds, needed_minutes=10, failure=failure)
    return CheckpointFolder(
        last_checkpoint=at, last_written=at, health=read_health(json.dumps(judged).encode()), health_written=at
    )


def one_choice(snapshot: JobSnapshot) -> Quote:
    return replace(snapshot.quote, choices=snapshot.quote.choices[:1])


def on_demand(snapshot: JobSnapshot, *choices: list[str]) -> Quote:
    """The quote of these choices, on demand."""
    template = replace(snapshot.quote.choices[0], spot=False)
    return replace(snapshot.quote, choices=tuple(replace(template, instance_types=tuple(names)) for names in choices))


def any_snapshot(*parts: Any) -> JobSnapshot:
    """Of a job in any state; hypothesis calls it too often for fixtures."""
    status, secondary, last, training, stop, choice, first, reason = parts
    defaults = Defaults(
        dataset_prefix="dino-data",
        preset="test",
        instance_type="ml.g5.2xlarge",
        quality_gate={},
        highest_cost_usd=200,
    )
    execution = Execution.from_context(context())
    job = launched_job(execution)
    return JobSnapshot(
        description=described_job("job", status, secondary, FailureReason=reason),
        job=replace(job, choice=choice, spot=reason == "", max_runtime_seconds=600, first_minutes=first, stop=stop),
        log=LogEnd(
            last_event=None if last is None else NOW + minutes(last),
            training=tuple(line(step, loss=loss, speed=speed) for step, loss, speed in training),
        ),
        checkpoints=CheckpointFolder(),
        request=parse_request({}, defaults),
        quote=accepted_quote(),
        execution=execution,
        settings=WatchSettings(stall_minutes=STALL_MINUTES, queue_minutes=QUEUE_MINUTES),
        now=NOW,
    )
