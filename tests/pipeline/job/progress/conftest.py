"""The look that the tests of a job's progress begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pipeline.execution import Execution
from pipeline.job.checkpoints import Checkpoints
from pipeline.job.log import LogEnd
from pipeline.job.snapshot import Look
from pipeline.request import Request

from tests.pipeline.conftest import described_job
from tests.pipeline.job.progress.looks import (
    NOW,
    QUEUE_MINUTES,
    STALL_MINUTES,
    MakeLook,
    lines,
    minutes,
    since,
)


@pytest.fixture
def look(job_state: dict[str, Any], quote: dict[str, Any], request_: Request, execution: Execution) -> MakeLook:
    """A healthy job in the middle of its training, with what a test changes."""

    def make(status: str = "InProgress", *, state: dict[str, Any] | None = None, **more: Any) -> Look:
        looked = {name: more.pop(name) for name in ("log", "checkpoints", "execution", "quote") if name in more}
        job = described_job(job_state["name"], status, **(since("Training", minutes_ago=50) | more))
        healthy = Look(
            job=job,
            state=job_state | (state or {}),
            log=LogEnd(last_event=NOW - minutes(1), training=lines(3)),
            checkpoints=Checkpoints(),
            request=request_,
            quote=quote,
            execution=execution,
            stall_limit=minutes(STALL_MINUTES),
            queue_limit=minutes(QUEUE_MINUTES),
            now=NOW,
        )
        return replace(healthy, **looked)

    return make
