"""What EventBridge calls every quarter of an hour: does what Finalise does, for ends that nobody attended to."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline.clients import s3_client, sagemaker_client, stepfunctions_client
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.left_behind import ends_to_attend
from pipeline.ending.unattended_end import failure_of
from pipeline.execution import Execution
from pipeline.settings import SweepSettings
from pipeline.step import logged
from pipeline.steps.finalise import finalised


def handler(_event: Mapping[str, object], _context: object) -> list[str]:
    """Returns the names of the executions that were attended to. Raises AwsUnavailable: the next sweep goes on.

    An end that cannot be attended to keeps no other from it; the last one's error is raised after all.
    """
    settings = SweepSettings.from_environment(os.environ)
    ends = ends_to_attend(
        sagemaker_client(),
        s3_client(),
        stepfunctions_client(),
        bucket=settings.bucket,
        state_machine_arn=settings.state_machine_arn,
        now=datetime.now(UTC),
    )
    problem: Exception | None = None
    for description in ends:
        try:
            _attend_to(description)
        except Exception as error:
            problem = error
    if problem is not None:
        raise problem
    return [description["name"] for description in ends]


def _attend_to(description: Mapping[str, Any]) -> None:
    execution, failure = Execution.from_description(description), failure_of(description)
    logged("sweep", execution, lambda: finalised(execution, ExecutionState(), failure, only_if_filed=True))
