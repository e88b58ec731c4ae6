"""Step Launch: start the training job, once."""

import os
from datetime import UTC, datetime

from pipeline.clients import s3_client, sagemaker_client, stepfunctions_client
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.job.start import Launch, start_job
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.settings import LaunchSettings
from pipeline.step import Step


@Step
def handler(
    *, execution: Execution, request: Request, dataset: DatasetCheck, quote: Quote, attempt: Attempt
) -> LaunchedJob:
    """Raises AlreadyRunning, LaunchFailed, OverBudget, InstanceNotFree, AwsUnavailable."""
    launch = Launch(
        request=request,
        dataset=dataset,
        quote=quote,
        attempt=attempt,
        execution=execution,
        settings=LaunchSettings.from_environment(os.environ),
        now=datetime.now(UTC),
    )
    return start_job(sagemaker_client(), s3_client(), stepfunctions_client(), launch)
