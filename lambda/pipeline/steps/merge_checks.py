"""Step MergeChecks: the whole check of a data set whose images were read in batches."""

from pipeline.aws_errors import raising_unavailable
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.step import Step
from pipeline.steps.validate import validation


@Step
def handler(*, execution: Execution, request: Request, dataset: DatasetCheck) -> DatasetCheck:
    """Raises AwsUnavailable."""
    with raising_unavailable():
        return validation(request, execution).merge(dataset.batches)
