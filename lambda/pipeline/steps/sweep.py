"""What EventBridge calls every quarter of an hour: does what Finalise does, for ends that nobody attended to."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from pipeline.clients import s3_client, sagemaker_client, stepfunctions_client
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.left_behind import ends_to_attend
from pipeline.ending.unattended_end import failure_of
from pipeline.execution import Execution
from pipeline.settings import SweepSettings
from pipeline.step import logged
from pipeline.steps.finalise import finalised


def handler(_event: Mapping[str, object], _context: object) -> list[str]:
    """Returns the names of the executions that were attended to. Raises AwsUnavailable: the next sweep goes on."""
    settings = SweepSettings.from_environment(os.environ)
    ends = ends_to_attend(
        sagemaker_client(),
        s3_client(),
        stepfunctions_client(),
        bucket=settings.bucket,
        state_machine_arn=settings.state_machine_arn,
        now=datetime.now(UTC),
    )
    for description in ends:
        execution, failure = Execution.from_description(description), failure_of(description)
        logged("sweep", execution, lambda: finalised(execution, ExecutionState(), failure))  # noqa: B023 - called at once
    return [description["name"] for description in ends]
