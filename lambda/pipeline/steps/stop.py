"""Step Stop: tell the training job to stop, and keep the reason; Watch then waits for its end."""

from dataclasses import replace

from pipeline.clients import sagemaker_client
from pipeline.errors import LaunchFailed
from pipeline.execution import Execution
from pipeline.job.description import describe_job
from pipeline.job.execution_jobs import stop_job
from pipeline.job.launched_job import LaunchedJob
from pipeline.job.progress import Progress
from pipeline.step import Step


@Step
def handler(*, execution: Execution, job: LaunchedJob, watch: Progress) -> LaunchedJob:
    """Raises LaunchFailed if the job is not this execution's, AwsUnavailable."""
    sagemaker = sagemaker_client()
    description = describe_job(sagemaker, job.name)
    if description is not None and not stop_job(sagemaker, description, execution):
        raise LaunchFailed(
            f"The training job {job.name} does not carry this execution's tag, so it was not stopped: look in "
            "the SageMaker console whose it is."
        )
    return replace(job, stop=watch.stop_reason)
