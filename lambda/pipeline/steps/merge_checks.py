"""Step MergeChecks: the verdict on a data set whose images were read in batches."""

from __future__ import annotations

from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.steps.validate import validation


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request", "dataset"}. Returns DatasetCheck's fields. Raises AwsUnavailable."""
    with raising_unavailable():
        return validation(event).merge(event["dataset"]["batches"]).to_state()
