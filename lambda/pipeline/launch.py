"""Step Launch: start the training job, once."""

from __future__ import annotations

import os
from typing import Any

from pipeline.clients import s3_client, sagemaker_client
from pipeline.execution import Execution
from pipeline.job_start import start_job
from pipeline.request import Request
from pipeline.settings import LaunchSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request", "dataset"}. Returns the job's name. Raises LaunchFailed, AwsUnavailable."""
    return start_job(
        sagemaker_client(),
        s3_client(),
        request=Request.from_state(event["request"]),
        dataset=event["dataset"],
        execution=Execution.from_context(event["execution"]),
        settings=LaunchSettings.from_environment(os.environ),
    )
