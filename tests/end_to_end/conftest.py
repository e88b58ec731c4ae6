"""The deployed stack on an embedded AWS, once for all end-to-end tests of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest

from dataset_prep.samples import write_samples
from local_aws.deployment import deploy
from local_aws.embedded import EmbeddedAws
from tests.end_to_end.deployed import Deployed, wait_until

CONTEXT = {
    "default_preset": "tiny",
    # Longer than the start of a job on a busy machine, and short enough to wait for.
    "stall_minutes": "0.6",
}


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    scratch = tmp_path_factory.mktemp("end-to-end")
    before = dict(os.environ)
    with EmbeddedAws(scratch / "aws", wait_scale=0.02, stop_grace=15) as aws:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(aws.environment)
        try:
            session = boto3.Session()
            outputs = deploy(
                aws.environment, context=CONTEXT, output_dir=scratch / "deployment", on_line=lambda _: None
            )
            write_samples(scratch / "plans", 10, 3)
            queue = session.client("sqs").create_queue(QueueName="messages")["QueueUrl"]
            queue_arn = session.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
            session.client("sns").subscribe(
                TopicArn=outputs["TopicArn"], Protocol="sqs", Endpoint=queue_arn["Attributes"]["QueueArn"]
            )
            yield Deployed(aws, session, outputs, scratch / "plans", scratch, queue)
        finally:
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture
def deployed(deployment: Deployed) -> Iterator[Deployed]:
    """The stack without faults; whatever a test provokes, no job runs and no lock is held at its end."""
    yield deployment
    deployment.aws.faults.clear()
    deployment.aws.service_quotas.reset()
    wait_until(lambda: not deployment.jobs_at_work())
    assert deployment.locks() == []


@pytest.fixture(scope="session")
def dataset_version(deployment: Deployed) -> str:
    """A valid data set at the default prefix, which no test changes."""
    return deployment.upload_plans("dino-data")
