"""Step Finalise: at every end, leave no job running and send one message."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from pipeline.clients import sagemaker_client, sns_client
from pipeline.execution import Execution
from pipeline.finalisation import finalise
from pipeline.settings import FinaliseSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "state"}. Returns Outcome's fields. Raises AwsUnavailable."""
    return finalise(
        sagemaker_client(),
        sns_client(),
        state=event["state"],
        execution=Execution.from_context(event["execution"]),
        topic_arn=FinaliseSettings.from_environment(os.environ).topic_arn,
        now=datetime.now(UTC),
    ).to_state()
