"""The deployed stack on an embedded AWS, once for all end-to-end tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest

from dataset_prep.samples import write_samples
from local_aws.deployment import deploy
from local_aws.embedded import EmbeddedAws
from tests.end_to_end.deployed import Deployed


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    scratch = tmp_path_factory.mktemp("end-to-end")
    before = dict(os.environ)
    with EmbeddedAws(scratch / "aws", wait_scale=0.02, stop_grace=60) as aws:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(aws.environment)
        try:
            session = boto3.Session()
            outputs = deploy(
                aws.environment,
                context={"default_preset": "tiny"},
                output_dir=scratch / "deployment",
                on_line=lambda _: None,
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
