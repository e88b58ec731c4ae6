"""Step Finalise: at every end, leave no job running and no lock, and send one message."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from pipeline.clients import cloudwatch_client, s3_client, sagemaker_client, sns_client
from pipeline.ending.finalisation import Services, finalise
from pipeline.ending.outcome import failure_of
from pipeline.execution import Execution
from pipeline.settings import FinaliseSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "state"}. Returns Outcome's fields. Raises AwsUnavailable."""
    state, execution = event["state"], Execution.from_context(event["execution"])
    return finalise(
        Services(sagemaker=sagemaker_client(), s3=s3_client(), sns=sns_client(), cloudwatch=cloudwatch_client()),
        state=state,
        execution=execution,
        failure=failure_of(state, execution),
        settings=FinaliseSettings.from_environment(os.environ),
        now=datetime.now(UTC),
    ).to_state()
