"""Step Validate: is the data set in S3 what training needs?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.clients import s3_client
from pipeline.dataset.validation import Validation
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.settings import ValidateSettings
from training_code.recipes import RECIPES


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request"}. Returns DatasetCheck's fields. Raises DatasetMissing, AwsUnavailable."""
    with raising_unavailable():
        return validation(event).run().to_state()


def validation(event: Mapping[str, Any]) -> Validation:
    """The check of the data set that the event's request names."""
    request = Request.from_state(event["request"])
    return Validation(
        s3=s3_client(),
        bucket=ValidateSettings.from_environment(os.environ).bucket,
        prefix=request.dataset_prefix,
        execution_name=Execution.from_context(event["execution"]).name,
        max_objects_per_image=min(RECIPES[run.recipe].model.num_queries for run in request.runs),
    )
