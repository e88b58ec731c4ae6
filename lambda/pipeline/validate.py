"""Step Validate: is the data set in S3 what training needs?"""

from __future__ import annotations

import os
from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.clients import s3_client
from pipeline.dataset_validation import validate_dataset
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.settings import ValidateSettings
from training_code.presets import PRESETS


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request"}. Returns DatasetCheck's fields. Raises DatasetMissing, AwsUnavailable."""
    settings = ValidateSettings.from_environment(os.environ)
    request = Request.from_state(event["request"])
    execution = Execution.from_context(event["execution"])
    with raising_unavailable():
        return validate_dataset(
            s3_client(),
            bucket=settings.bucket,
            prefix=request.dataset_prefix,
            execution_name=execution.name,
            max_objects_per_image=PRESETS[request.training_preset].model.num_queries,
        ).to_state()
