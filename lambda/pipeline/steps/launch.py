"""Step Launch: start the training job, once."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from pipeline.clients import s3_client, sagemaker_client, stepfunctions_client
from pipeline.execution import Execution
from pipeline.job.start import Launch, start_job
from pipeline.request import Request
from pipeline.settings import LaunchSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request", "dataset", "quote", "attempt"}. Returns the job, as Watch needs it.

    Raises AlreadyRunning, LaunchFailed, OverBudget, AwsUnavailable.
    """
    launch = Launch(
        request=Request.from_state(event["request"]),
        dataset=event["dataset"],
        quote=event["quote"],
        attempt=event["attempt"],
        execution=Execution.from_context(event["execution"]),
        settings=LaunchSettings.from_environment(os.environ),
        now=datetime.now(UTC),
    )
    return start_job(sagemaker_client(), s3_client(), stepfunctions_client(), launch)
