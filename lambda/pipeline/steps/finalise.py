"""Step Finalise: at every end, leave no job running and no lock, and send one message."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from pipeline.clients import cloudwatch_client, s3_client, sagemaker_client, sns_client
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.finalisation import finalise
from pipeline.ending.outcome import Failure, Outcome
from pipeline.execution import Execution
from pipeline.settings import FinaliseSettings
from pipeline.step import Step


@Step
def handler(*, execution: Execution, state: Mapping[str, object]) -> Outcome:
    """`state` is the whole one, whose parts may be missing or unreadable. Raises AwsUnavailable."""
    known = ExecutionState.read(state)
    return finalised(execution, known, known.failure_of(execution))


def finalised(execution: Execution, state: ExecutionState, failure: Failure | None) -> Outcome:
    """The outcome, after all that is done at an end. Raises AwsUnavailable."""
    return finalise(
        sagemaker=sagemaker_client(),
        s3=s3_client(),
        sns=sns_client(),
        cloudwatch=cloudwatch_client(),
        state=state,
        execution=execution,
        failure=failure,
        settings=FinaliseSettings.from_environment(os.environ),
        now=datetime.now(UTC),
    ).outcome
