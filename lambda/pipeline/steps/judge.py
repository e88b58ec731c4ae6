"""Step Judge: what is the completed run worth?"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from pipeline.clients import s3_client, sagemaker_client
from pipeline.execution import Execution
from pipeline.model.judgement import CompletedRun, judge_run
from pipeline.request import Request
from pipeline.settings import JudgeSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request", "dataset", "quote", "job", "watch"}. Returns Judgement's fields.

    Raises TrainingFailed if the job has vanished, AwsUnavailable.
    """
    run = CompletedRun(
        request=Request.from_state(event["request"]),
        dataset=event["dataset"],
        quote=event["quote"],
        job=event["job"],
        artifact_uri=event["watch"]["artifact_uri"],
        execution=Execution.from_context(event["execution"]),
        settings=JudgeSettings.from_environment(os.environ),
        now=datetime.now(UTC),
    )
    return judge_run(sagemaker_client(), s3_client(), run).to_state()
