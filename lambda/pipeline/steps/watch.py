"""Step Watch: take a snapshot of the training job and decide what follows.

job/progress.py decides the action, and stacks/state_machine.py says which state each action leads to.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime

from pipeline.clients import cloudwatch_client, logs_client, s3_client, sagemaker_client
from pipeline.cloudwatch_metrics import COST_SO_FAR, QUIET, SPENT, put_metrics
from pipeline.execution import Execution
from pipeline.job.checkpoint_folder import read_checkpoint_folder
from pipeline.job.description import require_job
from pipeline.job.launched_job import LaunchedJob
from pipeline.job.log import read_log_end
from pipeline.job.progress import Progress, judge_progress
from pipeline.job.snapshot import JobSnapshot
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.settings import WatchSettings
from pipeline.step import Step


@Step
def handler(*, execution: Execution, request: Request, quote: Quote, job: LaunchedJob, counted_usd: float) -> Progress:
    """`counted_usd`: what of the job's cost the metric of what was spent has; what it did not take comes again.

    Raises TrainingFailed if the job has vanished, AwsUnavailable.
    """
    progress = judge_progress(
        JobSnapshot(
            description=require_job(sagemaker_client(), job.name),
            job=job,
            log=read_log_end(logs_client(), job.name),
            checkpoints=read_checkpoint_folder(s3_client(), job.checkpoints_uri),
            request=request,
            quote=quote,
            execution=execution,
            settings=WatchSettings.from_environment(os.environ),
            now=datetime.now(UTC),
        )
    )
    metrics = {COST_SO_FAR: progress.execution_cost_usd, SPENT: round(progress.cost_usd - counted_usd, 2)}
    if progress.quiet_seconds is not None:
        metrics[QUIET] = float(progress.quiet_seconds)
    taken = put_metrics(cloudwatch_client(), metrics)
    return replace(progress, counted_usd=progress.cost_usd if taken else counted_usd)
