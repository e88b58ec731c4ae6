"""The deployed stack on an embedded AWS, once for all end-to-end tests of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.chaos.stand_in import JobPlan, put_stand_in
from tests.end_to_end.changed_training import exchanged_training_code
from tests.end_to_end.deployed import Deployed, wait_until
from tests.end_to_end.deployment import deployed_stack

CONTEXT = {
    "default_preset": "tiny",
    # Longer than the start of a job on a busy machine, and short enough to wait for.
    "stall_minutes": "1",
}


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    scratch = tmp_path_factory.mktemp("end-to-end")
    with deployed_stack(scratch, context=CONTEXT, wait_scale=0.02, stop_grace=15) as deployed:
        yield deployed


@pytest.fixture
def deployed(deployment: Deployed) -> Iterator[Deployed]:
    """The stack without faults, weights or baselines; at a test's end no job runs and no lock is held."""
    yield deployment
    deployment.aws.faults.clear()
    deployment.aws.service_quotas.reset()
    for key in [*deployment.keys("pretrained/"), *deployment.keys("baselines/")]:  # which the next run would take
        deployment.session.client("s3").delete_object(Bucket=deployment.bucket, Key=key)
    wait_until(lambda: not deployment.jobs_at_work())
    assert deployment.locks() == []


@pytest.fixture(scope="session")
def dataset_version(deployment: Deployed) -> str:
    """A valid data set at the default prefix, which no test changes."""
    return deployment.upload_plans("dino-data")


@pytest.fixture
def put_plan(deployed: Deployed) -> Iterator[Callable[[JobPlan], None]]:
    """Lets the jobs to come run the stand-in for the trainer, for seconds and by a plan; later ones train again."""
    with exchanged_training_code(deployed):
        yield lambda plan: put_stand_in(deployed, plan)
