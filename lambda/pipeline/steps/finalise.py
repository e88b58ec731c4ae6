"""Step Finalise: at every end, leave no job running and no lock, and send one message."""

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from pipeline.clients import cloudwatch_client, s3_client, sagemaker_client, sns_client
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.finalisation import finalise
from pipeline.ending.finished_execution import FinishedExecution
from pipeline.ending.outcome import Failure, Outcome
from pipeline.execution import Execution
from pipeline.job.cost import jobs_cost
from pipeline.settings import FinaliseSettings
from pipeline.step import Step


@Step
def handler(*, execution: Execution, state: Mapping[str, object]) -> Outcome:
    """`state` is the whole one, whose parts may be missing or unreadable. Raises AwsUnavailable.

    If the failure is of before a redrive, nothing is ended: with the outcome of before it, Failed starts the run again,
    and Launch takes a job that still runs.
    """
    known = ExecutionState.read(state)
    failure = known.failure_of(execution)
    if not known.failed_before_redrive(execution):
        return finalised(execution, known, failure)
    before = replace(execution, redrive_count=execution.redrive_count - 1)
    now = datetime.now(UTC)
    return FinishedExecution(
        execution=before, ended=now, failure=failure, state=known, cost=jobs_cost((), known.quote, now=now)
    ).outcome


def finalised(
    execution: Execution, state: ExecutionState, failure: Failure | None, *, only_if_filed: bool = False
) -> Outcome:
    """The outcome, after all that is done at an end. Raises AwsUnavailable, and ClientError with `only_if_filed`."""
    return finalise(
        sagemaker=sagemaker_client(),
        s3=s3_client(),
        sns=sns_client(),
        cloudwatch=cloudwatch_client(),
        state=state,
        execution=execution,
        failure=failure,
        settings=FinaliseSettings.from_environment(os.environ),
        only_if_filed=only_if_filed,
        now=datetime.now(UTC),
    ).outcome
