"""Step Lock: let no two executions work on one data set."""

from __future__ import annotations

import os
from typing import Any

from pipeline.clients import s3_client, stepfunctions_client
from pipeline.dataset.lock import acquire
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.settings import LockSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Event: {"execution", "request"}. Returns {"key"}. Raises AlreadyRunning, AwsUnavailable."""
    return acquire(
        s3_client(),
        stepfunctions_client(),
        bucket=LockSettings.from_environment(os.environ).bucket,
        dataset_prefix=Request.from_state(event["request"]).dataset_prefix,
        execution=Execution.from_context(event["execution"]),
    )
