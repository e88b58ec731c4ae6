"""Step Watch: one look at the training job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipeline.clients import sagemaker_client
from pipeline.errors import TrainingFailed
from pipeline.execution import Execution
from pipeline.job_state import describe_job, judge


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "job"}. Returns Progress's fields. Raises TrainingFailed if the job has vanished."""
    execution, name = Execution.from_context(event["execution"]), event["job"]["name"]
    job = describe_job(sagemaker_client(), name)
    if job is None:
        raise TrainingFailed(f"The training job {name} does not exist any more: somebody deleted it. Start again.")
    return judge(job, region=execution.region, now=datetime.now(UTC)).to_state()
