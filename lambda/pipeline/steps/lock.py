"""Step Lock: let no two executions work on one data set."""

import os
from datetime import UTC, datetime

from pipeline.clients import s3_client, stepfunctions_client
from pipeline.dataset.lock import DatasetLock, acquire
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.settings import BucketSettings
from pipeline.step import Step


@Step
def handler(*, execution: Execution, request: Request) -> DatasetLock:
    """Raises AlreadyRunning, AwsUnavailable."""
    return acquire(
        s3_client(),
        stepfunctions_client(),
        bucket=BucketSettings.from_environment(os.environ).bucket,
        dataset_prefix=request.dataset_prefix,
        execution=execution,
        now=datetime.now(UTC),
    )
