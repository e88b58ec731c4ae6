"""Step Validate: is the data set in S3 what training needs?"""

import os

from pipeline.aws_errors import raising_unavailable
from pipeline.clients import s3_client
from pipeline.dataset.validation import DatasetCheck, Validation
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.settings import BucketSettings
from pipeline.step import Step
from training_code.recipes import RECIPES


@Step
def handler(*, execution: Execution, request: Request) -> DatasetCheck:
    """Raises DatasetMissing, AwsUnavailable."""
    with raising_unavailable():
        return validation(request, execution).run()


def validation(request: Request, execution: Execution) -> Validation:
    """The check of the data set that the request names."""
    return Validation(
        s3=s3_client(),
        bucket=BucketSettings.from_environment(os.environ).bucket,
        prefix=request.dataset_prefix,
        execution_name=execution.name,
        max_objects_per_image=min(RECIPES[stage.recipe].model.num_queries for stage in request.stages),
    )
