"""Step Judge: is the completed stage's model good enough?"""

import os
from datetime import UTC, datetime

from pipeline.clients import s3_client, sagemaker_client
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.launched_job import LaunchedJob
from pipeline.job.progress import Progress
from pipeline.model.judgement import CompletedStage, Judgement, judge_stage
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.settings import JudgeSettings
from pipeline.step import Step


@Step
def handler(
    *, execution: Execution, request: Request, dataset: DatasetCheck, quote: Quote, job: LaunchedJob, watch: Progress
) -> Judgement:
    """Raises TrainingFailed if the job has vanished, AwsUnavailable."""
    assert watch.artifact_uri is not None, "Watch names it once the job has completed"
    stage = CompletedStage(
        request=request,
        dataset=dataset,
        quote=quote,
        job=job,
        artifact_uri=watch.artifact_uri,
        execution=execution,
        settings=JudgeSettings.from_environment(os.environ),
        now=datetime.now(UTC),
    )
    return judge_stage(sagemaker_client(), s3_client(), stage)
