"""Step MergeChecks: the whole check of a data set whose images were read in batches."""

from dataclasses import replace

from pipeline.aws_errors import raising_unavailable
from pipeline.dataset.batches import CheckedBatch
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.step import Step
from pipeline.steps.validate import validation


@Step
def handler(
    *, execution: Execution, request: Request, dataset: DatasetCheck, checks: tuple[CheckedBatch, ...]
) -> DatasetCheck:
    """If a batch failed, the check has failed with its error. Raises AwsUnavailable."""
    for failure in (check.failure for check in checks if check.failure is not None):
        return replace(dataset, status="failed", error=failure.Error, cause=failure.message)
    with raising_unavailable():
        return validation(request, execution).merge(dataset.batches)
