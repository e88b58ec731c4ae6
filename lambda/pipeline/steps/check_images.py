"""Step CheckImages, run many times in parallel: read a batch of the data set's images."""

from pipeline.aws_errors import raising_unavailable
from pipeline.dataset.batches import CheckedBatch, check_batch
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.step import Step
from pipeline.steps.validate import validation


@Step
def handler(*, execution: Execution, request: Request, batch: str) -> CheckedBatch:
    """Raises AwsUnavailable."""
    check = validation(request, execution)
    with raising_unavailable():
        return CheckedBatch(images=check_batch(check.s3, check.store, bucket=check.bucket, batch=batch))
