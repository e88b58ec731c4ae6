"""Step Stop: tell the training job to stop, and keep why."""

from __future__ import annotations

from typing import Any

from pipeline.clients import sagemaker_client
from pipeline.errors import LaunchFailed
from pipeline.execution import Execution
from pipeline.job.execution_jobs import stop_job
from pipeline.job.state import describe_job


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "job", "watch"}. Returns the job with `stop` set; Watch then waits for its end.

    Raises LaunchFailed if the job is not this execution's, AwsUnavailable.
    """
    state, watch, sagemaker = event["job"], event["watch"], sagemaker_client()
    job = describe_job(sagemaker, state["name"])
    if job is not None and not stop_job(sagemaker, job, Execution.from_context(event["execution"])):
        raise LaunchFailed(
            f"The training job {state['name']} does not carry this execution's tag, so it was not stopped: look in "
            "the SageMaker console whose it is."
        )
    return {**state, "stop": {key: watch[key] for key in ("error", "cause", "relaunch")}}
