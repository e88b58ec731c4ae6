"""What the tests of judging share: a stage to judge, and the request of one that is followed by another."""

from __future__ import annotations

from typing import Any

import pytest
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.launched_job import LaunchedJob
from pipeline.model.judgement import CompletedStage
from pipeline.quote.cost_quote import Quote
from pipeline.request_input import parse_request
from pipeline.settings import Defaults, JudgeSettings

from tests.pipeline.model.court import AT, Court


@pytest.fixture
def court(
    defaults: Defaults,
    dataset: DatasetCheck,
    quote: Quote,
    job: LaunchedJob,
    execution: Execution,
) -> Court:
    settings = JudgeSettings(bucket="bucket", model_package_group="floorplan-dino", training_image="image:1")
    return Court(
        CompletedStage(
            request=parse_request({}, defaults),
            dataset=dataset,
            quote=quote,
            job=job,
            artifact_uri="s3://bucket/training-jobs/job/output/model.tar.gz",
            execution=execution,
            settings=settings,
            now=AT,
        )
    )


@pytest.fixture
def then_full(defaults: Defaults) -> dict[str, Any]:
    return {"request": parse_request({"preset": "test_then_full"}, defaults)}
