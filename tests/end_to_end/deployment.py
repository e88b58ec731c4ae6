"""The stack deployed to an embedded AWS of its own, with a queue that keeps its messages."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import boto3

from dataset_prep.samples import write_samples
from local_aws.deployment import deploy
from local_aws.embedded import EmbeddedAws
from tests.end_to_end.deployed import Deployed


@contextmanager
def deployed_stack(
    scratch: Path, *, context: Mapping[str, str], wait_scale: float, stop_grace: float, enforce_iam: bool = False
) -> Iterator[Deployed]:
    """The deployed stack; meanwhile the AWS_* variables of this process lead to it. `scratch` is its own folder.

    context: `-c` values of the deployment. The others are EmbeddedAws's.
    """
    before = dict(os.environ)
    with EmbeddedAws(scratch / "aws", wait_scale=wait_scale, stop_grace=stop_grace, enforce_iam=enforce_iam) as aws:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(aws.environment)
        boto3.DEFAULT_SESSION = None  # it would keep the keys of another AWS
        try:
            session = boto3.Session()
            outputs = deploy(
                aws.environment, context=context, output_dir=scratch / "deployment", on_line=lambda _: None
            )
            write_samples(scratch / "plans", 10, 3)
            queue = subscribed_queue(session, outputs["TopicArn"])
            yield Deployed(aws, session, outputs, scratch / "plans", scratch, queue)
        finally:
            os.environ.clear()
            os.environ.update(before)
            boto3.DEFAULT_SESSION = None


def subscribed_queue(session: boto3.Session, topic_arn: str) -> str:
    """The URL of a new queue that gets what the topic publishes."""
    sqs = session.client("sqs")
    queue: str = sqs.create_queue(QueueName="messages")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    from_topic = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [from_topic]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    session.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return queue
