"""The end of an execution, for what happens then."""

import pytest
from pipeline.dataset.validation import DatasetCheck
from pipeline.job.launched_job import LaunchedJob
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.state import to_state

from tests.pipeline.conftest import StubbedClient
from tests.pipeline.ending.finalising import End


@pytest.fixture
def end(
    sagemaker: StubbedClient,
    s3: StubbedClient,
    sns: StubbedClient,
    cloudwatch: StubbedClient,
    request_: Request,
    *,
    dataset: DatasetCheck,
    quote: Quote,
    job: LaunchedJob,
) -> End:
    """After a job has been launched."""
    state = {
        "request": to_state(request_),
        "dataset": to_state(dataset),
        "quote": to_state(quote),
        "job": to_state(job),
    }
    return End(sagemaker, s3, sns, cloudwatch, state)
