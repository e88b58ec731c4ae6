"""The first launch of a run."""

from datetime import UTC, datetime

import pytest
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.launched_job import Attempt
from pipeline.job.start import Launch
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.settings import LaunchSettings

from tests.pipeline.conftest import StubbedClient
from tests.pipeline.job.launching import Launching, expect_lock_of


@pytest.fixture
def launching(
    sagemaker: StubbedClient,
    s3: StubbedClient,
    stepfunctions: StubbedClient,
    request_: Request,
    dataset: DatasetCheck,
    *,
    quote: Quote,
    settings: LaunchSettings,
    execution: Execution,
) -> Launching:
    launch = Launch(
        request=request_,
        dataset=dataset,
        quote=quote,
        attempt=Attempt(stage=0, choice=0, number=0),
        execution=execution,
        settings=settings,
        now=datetime(2026, 11, 20, 12, tzinfo=UTC),
    )
    expect_lock_of(s3, execution)
    return Launching(sagemaker, s3, stepfunctions, launch)
