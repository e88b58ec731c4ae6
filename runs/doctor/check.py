"""A check and how it is carried out: what AWS refuses or does not answer becomes a line of the report, too."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError
from pipeline.aws_errors import error_code, error_message
from pipeline.errors import AwsUnavailable

from runs.doctor.account import Account
from runs.doctor.daemon_threads import begin
from runs.doctor.result import Result, bad, not_looked_at
from runs.errors import DENIED, RunsError, sentence_of

_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a run needs."""

    subject: str
    """What is looked at, in a word or two."""
    needs: tuple[str, ...]
    """The IAM actions with which it is looked at; the operators' policy has them all."""
    look: Callable[[str, Account], Result | None]
    """Looks, and changes nothing; gets the subject. None: there is nothing to say."""


def carried_out(check: Check, account: Account) -> Result | None:
    """The check's result. Raises only what is a mistake in this program."""
    try:
        return check.look(check.subject, account)
    except RunsError as mistake:
        return bad(check.subject, str(mistake))
    except ClientError as error:
        if error_code(error) in DENIED:
            return not_looked_at(check.subject, f"needs {_missing(check, error)}", "Ask who runs the account for it.")
        return not_looked_at(check.subject, sentence_of(error))
    except BotoCoreError as error:
        return not_looked_at(check.subject, sentence_of(error))
    except AwsUnavailable as error:
        return not_looked_at(check.subject, f"AWS did not answer ({error}).", "Try again.")


def _missing(check: Check, error: ClientError) -> str:
    """The action that was denied: by AWS's sentence, else by the operation, else all that the check needs."""
    if named := _ACTION.search(error_message(error)):
        return named[1]
    called = [action for action in check.needs if action.endswith(f":{error.operation_name}")]
    return ", ".join(called or check.needs)


def side_by_side(checks: Sequence[Check], account: Account, *, seconds: float) -> Iterator[Result]:
    """The results in the order of the checks, each as soon as it and those before it are there.

    What has no result after `seconds` is given up: its thread ends with the process.
    """
    futures = begin([partial(carried_out, check, account) for check in checks], threads=len(checks))
    deadline = time.monotonic() + seconds
    for check, future in zip(checks, futures, strict=True):
        try:
            result = future.result(timeout=max(0.0, deadline - time.monotonic()))
        except NotInTime:
            result = not_looked_at(
                check.subject,
                f"no answer within {seconds:g} seconds.",
                "Look at this machine's network and proxy, and try again.",
            )
        if result is not None:
            yield result
