"""Step Watch: one look at the training job."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from pipeline.clients import cloudwatch_client, logs_client, s3_client, sagemaker_client
from pipeline.cloudwatch_metrics import COST_SO_FAR, QUIET, put_metrics
from pipeline.errors import TrainingFailed
from pipeline.execution import Execution
from pipeline.job.checkpoints import look_at_checkpoints
from pipeline.job.log import read_log_end
from pipeline.job.progress import judge_progress
from pipeline.job.snapshot import Look
from pipeline.job.state import describe_job
from pipeline.request import Request
from pipeline.settings import WatchSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request", "dataset", "quote", "job"}. Returns Progress's fields.

    Raises TrainingFailed if the job has vanished, AwsUnavailable.
    """
    state, settings = event["job"], WatchSettings.from_environment(os.environ)
    job = describe_job(sagemaker_client(), state["name"])
    if job is None:
        raise TrainingFailed(
            f"The training job {state['name']} does not exist any more: somebody deleted it. Start again."
        )
    progress = judge_progress(
        Look(
            job=job,
            state=state,
            log=read_log_end(logs_client(), state["name"]),
            checkpoints=look_at_checkpoints(s3_client(), state["checkpoints_uri"]),
            request=Request.from_state(event["request"]),
            quote=event["quote"],
            execution=Execution.from_context(event["execution"]),
            stall_limit=settings.stall_limit,
            queue_limit=settings.queue_limit,
            now=datetime.now(UTC),
        )
    )
    metrics = {COST_SO_FAR: progress.execution_cost_usd}
    if progress.quiet_seconds is not None:
        metrics[QUIET] = float(progress.quiet_seconds)
    put_metrics(cloudwatch_client(), metrics)
    return progress.to_state()
