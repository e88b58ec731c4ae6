"""Sends the one message about a run's end, and files it in S3 so that a retry sees it was sent."""

import json
import logging

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.aws_errors import raising_unavailable
from pipeline.client_types import S3Client, SNSClient
from pipeline.ending.finished_execution import FinishedExecution
from pipeline.execution import Execution
from pipeline.s3_layout import message_key


def send_once(
    sns: SNSClient,
    s3: S3Client,
    *,
    topic_arn: str,
    bucket: str,
    finished: FinishedExecution,
    only_if_filed: bool = False,
) -> bool:
    """Publish the message unless it is filed in S3 already, then file it there; return whether it was published.

    In this order, since a lost message is worse than a second one: only if the function dies between the two calls, a
    further try sends it again (docs/decisions/0012-message-at-least-once.md). `only_if_filed` is for a caller that
    comes again and again: where S3 would not take the file, nothing is sent. Raises AwsUnavailable while nothing has
    been sent, and then ClientError.
    """
    if was_sent(s3, bucket, finished.execution):
        return False
    if only_if_filed:
        with raising_unavailable():
            s3.put_object(Bucket=bucket, Key=_key(finished.execution), Body=b"")
    subject, text = finished.subject(), finished.message()
    with raising_unavailable():
        message_id = sns.publish(TopicArn=topic_arn, Subject=subject, Message=text)["MessageId"]
    body = json.dumps({"message_id": message_id, "subject": subject, "message": text}, indent=1) + "\n"
    try:
        s3.put_object(Bucket=bucket, Key=_key(finished.execution), Body=body.encode(), ContentType="application/json")
    except (ClientError, BotoCoreError) as error:  # it has been sent: to fail now would send it again
        logging.getLogger(__name__).warning("The message %s was sent, but not filed: %s", message_id, error)
    return True


def was_sent(s3: S3Client, bucket: str, execution: Execution) -> bool:
    """Whether the message about the execution's end is filed; an empty file is none. Raises AwsUnavailable."""
    key = _key(execution)
    try:
        with raising_unavailable():
            listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
            return any(item["Size"] for item in listed.get("Contents", []))
    except ClientError as error:  # S3 will refuse again, and the message must go out
        logging.getLogger(__name__).warning("Whether s3://%s/%s exists is not known: %s", bucket, key, error)
        return False


def _key(execution: Execution) -> str:
    return message_key(execution.name, started=execution.started, redrive_count=execution.redrive_count)
