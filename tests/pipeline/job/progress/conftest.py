"""The snapshot that the tests of a job's progress begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pipeline.execution import Execution
from pipeline.job.checkpoint_folder import CheckpointFolder
from pipeline.job.launched_job import LaunchedJob
from pipeline.job.log import LogEnd
from pipeline.job.snapshot import JobSnapshot
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.settings import WatchSettings

from tests.pipeline.conftest import described_job
from tests.pipeline.job.progress.snapshots import (
    NOW,
    QUEUE_MINUTES,
    STALL_MINUTES,
    MakeSnapshot,
    lines,
    minutes,
    since,
)


@pytest.fixture
def snapshot(job: LaunchedJob, quote: Quote, request_: Request, execution: Execution) -> MakeSnapshot:
    """A healthy job in the middle of its training, with what a test changes."""

    def make(status: str = "InProgress", *, launched: dict[str, Any] | None = None, **more: Any) -> JobSnapshot:
        read = {
            name: more.pop(name) for name in ("log", "checkpoints", "execution", "quote", "request") if name in more
        }
        description = described_job(job.name, status, **(since("Training", minutes_ago=50) | more))
        healthy = JobSnapshot(
            description=description,
            job=replace(job, **(launched or {})),
            log=LogEnd(last_event=NOW - minutes(1), training=lines(3)),
            checkpoints=CheckpointFolder(),
            request=request_,
            quote=quote,
            execution=execution,
            settings=WatchSettings(stall_minutes=STALL_MINUTES, queue_minutes=QUEUE_MINUTES),
            now=NOW,
        )
        return replace(healthy, **read)

    return make
