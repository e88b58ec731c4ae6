"""A refused quota is waited for while SageMaker still counts the instance of a job that has ended."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pipeline.errors import InstanceNotFree

from tests.pipeline.conftest import described_job
from tests.pipeline.job.launching import LIMIT, Launching

OTHER = "floorplan-dino-another-abcdef"
JUST_ENDED = {
    "status": "Completed",
    "secondary": "Completed",
    "LastModifiedTime": datetime(2026, 11, 20, 11, 45, tzinfo=UTC),
    "EnableManagedSpotTraining": True,
}
SHARED = {
    "InstancePreferences": [{"InstanceType": kind, "InstanceCount": 1} for kind in ("ml.g6e.2xlarge", "ml.g5.2xlarge")]
}


def test_a_quota_is_waited_for_if_an_own_job_on_the_type_has_just_ended(launching: Launching) -> None:
    launching.expect_earlier(JUST_ENDED)
    launching.expect_weights_and_code()
    launching.sagemaker.refuse("create_training_job", "ResourceLimitExceeded", LIMIT)
    with pytest.raises(InstanceNotFree, match=rf"the training job {launching.names[0]} against the quota of ml\.g5"):
        launching.start()


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"status": "Stopping", "LastModifiedTime": datetime(2026, 11, 20, 11, tzinfo=UTC)},
        {"ResourceConfig": SHARED},
    ],
)
def test_a_quota_is_waited_for_if_a_job_of_another_execution_on_the_type_has_just_ended(
    launching: Launching, job: dict[str, Any]
) -> None:
    launching.expect_earlier()
    refuse_for(launching, JUST_ENDED | job)
    with pytest.raises(InstanceNotFree, match=rf"the training job {OTHER} against the quota of ml\.g5\.2xlarge"):
        launching.start()


@pytest.mark.parametrize(
    "job",
    [
        {"status": "InProgress"},
        {"LastModifiedTime": datetime(2026, 11, 20, 11, 39, tzinfo=UTC)},
        {"EnableManagedSpotTraining": False},
        {"ResourceConfig": SHARED | {"SelectedInstanceType": "ml.g6e.2xlarge"}},
        {"ResourceConfig": {"InstanceType": "ml.g6.2xlarge", "InstanceCount": 1}},
    ],
)
def test_a_quota_that_no_ended_job_can_count_against_is_not_waited_for(
    launching: Launching, job: dict[str, Any]
) -> None:
    launching.expect_earlier()
    refuse_for(launching, JUST_ENDED | job)
    launching.expect_creation(choice=1)
    launching.expect_status()
    assert launching.start().choice == 1


def refuse_for(launching: Launching, job: dict[str, Any]) -> None:
    """The quota of the first choice, while SageMaker shows this job of another execution."""
    launching.expect_weights_and_code()
    launching.sagemaker.refuse("create_training_job", "ResourceLimitExceeded", LIMIT)
    launching.expect_list(OTHER)
    launching.sagemaker.expect("describe_training_job", described_job(OTHER, **job), TrainingJobName=OTHER)
