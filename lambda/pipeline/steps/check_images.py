"""Step CheckBatch, one of many at the same time: read a batch of the data set's images."""

from __future__ import annotations

from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.dataset.batches import check_batch
from pipeline.steps.validate import validation


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution", "request", "batch": key}. Returns {"images"}. Raises AwsUnavailable."""
    check = validation(event)
    with raising_unavailable():
        return {"images": check_batch(check.s3, check.store, bucket=check.bucket, batch=event["batch"])}
