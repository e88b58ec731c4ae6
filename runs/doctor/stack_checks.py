"""Whether the stack is there as this checkout would deploy it, and whether anybody hears from it."""

from __future__ import annotations

from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from checkout.version import code_version
from runs.deployed_stack import SERVING, describe_stack
from runs.doctor.account import Account
from runs.doctor.result import Rating, Result, bad, doubtful, good
from runs.errors import RunsError, sentence_of

_DEPLOYED = frozenset({"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"})
_EARLIER = frozenset({"UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"})
_CHANGING = frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"})
_STUCK = frozenset({"UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"})
"""Halfway between two deployments; to destroy such a stack would be to start again with a new bucket."""


def credentials(subject: str, account: Account) -> Result:
    """Whose credentials these are, and for which region."""
    try:
        caller = account.identity
    except (ClientError, BotoCoreError) as error:
        return bad(subject, sentence_of(error))
    return good(subject, f"account {caller.account}, region {account.region}, {caller.arn.rsplit(':', 1)[-1]}")


def stack(subject: str, account: Account) -> Result:
    """Whether the pipeline is deployed."""
    return _deployed(subject, account.stack_name, account.stack["StackStatus"])


def serving(subject: str, account: Account) -> Result | None:
    """Whether the stack that predicts on plans is deployed soundly, if it is at all."""
    name = account.stack_name + SERVING
    try:
        found = describe_stack(account.client("cloudformation"), name, account.region)
    except RunsError:
        return None
    result = _deployed(subject, name, found["StackStatus"], options=" -c serving=true")
    return replace(result, rating=Rating.DOUBTFUL) if result.rating is Rating.BAD else result  # runs do without it


def _deployed(subject: str, name: str, status: str, *, options: str = "") -> Result:
    """`options`: of the cdk commands for the stack, which name it, since without a name they might take another one."""
    deploy = f"`cdk deploy {name}{options}`"
    if status in _DEPLOYED:
        return good(subject, f"{name} is deployed")
    if status in _EARLIER:
        return doubtful(
            subject,
            f"{name} is as it was before the last deployment, which failed.",
            f"{deploy} again: it says what fails.",
        )
    if status in _CHANGING:
        return doubtful(subject, f"{name} is being deployed ({status}).", "Wait for its end.")
    if status.endswith("_IN_PROGRESS"):
        return bad(subject, f"{name} is {status}.", "Wait for its end.")
    if status in _STUCK:
        return bad(subject, f"{name} is {status}.", f"`cdk rollback {name}{options}`, and {deploy} again.")
    return bad(subject, f"{name} is {status}.", f"Delete it with `cdk destroy {name}{options}`, and {deploy} again.")


def version(subject: str, account: Account) -> Result:
    """Whether what is deployed is what this checkout would deploy."""
    deployed, here = account.outputs.get("CodeVersion"), code_version()
    if deployed == here:
        return good(subject, f"{here}, as in this checkout")
    return doubtful(
        subject,
        f"The deployed code is {deployed or 'older than versions are'}, this checkout's is {here}.",
        "`cdk deploy`, while no run is going on; or check out what is deployed.",
    )


def messages(subject: str, account: Account) -> Result:
    """Whether anybody has subscribed to the topic."""
    topic = account.output("TopicArn")
    attributes = account.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    confirmed, pending = (int(attributes.get(f"Subscriptions{kind}", 0)) for kind in ("Confirmed", "Pending"))
    if confirmed:
        waiting = f", {pending} not confirmed" if pending else ""
        return good(subject, f"{confirmed} confirmed subscription{'' if confirmed == 1 else 's'}{waiting}")
    if pending:
        return doubtful(
            subject,
            "Nobody is told how a run ends: no subscription is confirmed yet.",
            "Open the link in the mail that AWS sent to the subscriber.",
        )
    return doubtful(
        subject,
        "Nobody is told how a run ends: the topic has no subscription.",
        f"Subscribe: `aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint YOU@EXAMPLE.COM`",
    )
