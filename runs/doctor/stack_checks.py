"""Whether the stack is there as this checkout would deploy it, and whether anybody hears from it."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from checkout.version import code_version
from runs.deployed_stack import SERVING, describe_stack
from runs.doctor.account import Account
from runs.doctor.result import Result, bad, doubtful, good
from runs.errors import RunsError, sentence_of

_DEPLOYED = frozenset({"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"})
_EARLIER = frozenset({"UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"})
_CHANGING = frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"})


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
    return _deployed(subject, name, found["StackStatus"])


def _deployed(subject: str, name: str, status: str) -> Result:
    if status in _DEPLOYED:
        return good(subject, f"{name} is deployed")
    if status in _EARLIER:
        return doubtful(
            subject,
            f"{name} is as it was before the last deployment, which failed.",
            "`cdk deploy` again: it says what fails.",
        )
    if status in _CHANGING:
        return doubtful(subject, f"{name} is being deployed ({status}).", "Wait for its end.")
    return bad(subject, f"{name} is {status}.", "Delete it with `cdk destroy`, and `cdk deploy` again.")


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
