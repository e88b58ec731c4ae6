"""Opens the AWS session that the environment and ~/.aws describe."""

import boto3
from botocore.exceptions import BotoCoreError

from dataset_contract.sanitise import sanitise
from runs.errors import RunsError, not_usable


def open_session() -> boto3.Session:
    """The session; a client is made to see whether its configuration can be used, which asks AWS nothing.

    Raises RunsError, and BotoCoreError for what botocore knows itself: with other nonsense, such as an endpoint that is
    no URL or a credential process that prints none, it runs into errors of Python's own.
    """
    session = boto3.Session()
    try:
        session.client("cloudformation")
    except BotoCoreError:
        raise
    except (ValueError, KeyError, OSError) as error:
        raise RunsError(not_usable(sanitise(f"{type(error).__name__}: {error}", longest=300))) from None
    return session
