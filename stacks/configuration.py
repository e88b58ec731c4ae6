"""The deployment's configuration: cdk.json's context, checked and typed once."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

from aws_cdk import aws_logs as logs
from pipeline.errors import RequestInvalid
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.request import PRESETS
from pipeline.request_input import parse_quality_gate
from pipeline.s3_layout import OWN_FOLDERS

LOG_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
}
"""CloudWatch Logs offers certain numbers of days only."""

MINUTES_OF_A_DAY = 24 * 60

_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/(?:mrk-)?[0-9a-f-]{32,36}")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ConfigurationError(ValueError):
    """A value of the context that cannot be deployed; its text is one sentence for the person who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What may differ from deployment to deployment. Region and account come from the CDK's environment instead."""

    image_repository: str
    """Repository of the AWS Deep Learning Container, in AWS's own registry of the region."""
    image_tag: str
    """Pinned, since it decides the versions of torch and Python."""
    dataset_prefix: str
    """The data sets' folder in the bucket; a request may name this one, or another that starts with it."""
    default_preset: str
    default_instance_type: str
    quality_gate: dict[str, float]
    """Class -> the least F1 at IoU 0.5 of a model that is registered, unless a request says otherwise."""
    watch_interval_seconds: int
    """Seconds between two looks at a training job."""
    stall_minutes: float
    """Minutes without a line in the log and without a checkpoint after which a job is stopped.

    Longer than anything that is silent while all is well; the trainer's own watch ends a job after 20, with a reason.
    """
    queue_minutes: float
    """Minutes that a job waits for an instance before the next choice is tried: most get theirs within five."""
    log_retention: logs.RetentionDays
    highest_cost_usd: int
    """The most that a request may set as its max_cost_usd."""
    daily_budget_usd: int
    """An alarm tells when training has cost as much within a day."""
    start_on_new_manifest: bool
    """Whether an uploaded data set starts a run by itself."""
    kms_key_arn: str | None
    """The customer's key for the bucket's objects, models included; None: S3's own."""
    serving: bool
    """Whether the app has the stack that predicts on plans, too."""
    serving_concurrency: int
    """Plans that are predicted on at a time; 0: as many as the account allows."""

    @classmethod
    def from_context(cls, get: Callable[[str], object]) -> Self:
        """Read each field from the context by its name; `cdk deploy -c name=value` gives strings.

        Raises ConfigurationError.
        """
        return cls(
            image_repository=_matching("image_repository", get, _REPOSITORY, "a repository's name, such as pytorch"),
            image_tag=_matching("image_tag", get, _TAG, "an image's tag, such as 2.13-cu133-amzn2023-sagemaker"),
            dataset_prefix=_dataset_prefix("dataset_prefix", get),
            default_preset=_one_of("default_preset", get, PRESETS),
            default_instance_type=_one_of("default_instance_type", get, INSTANCE_TYPES),
            quality_gate=_quality_gate("quality_gate", get),
            watch_interval_seconds=_integer("watch_interval_seconds", get, range(5, 3601), "from 5 to 3600"),
            stall_minutes=_minutes("stall_minutes", get),
            queue_minutes=_minutes("queue_minutes", get),
            log_retention=LOG_RETENTION[
                _integer("log_retention_days", get, LOG_RETENTION, f"out of {', '.join(map(str, LOG_RETENTION))}")
            ],
            highest_cost_usd=_integer("highest_cost_usd", get, range(1, 10_001), "from 1 to 10000"),
            daily_budget_usd=_integer("daily_budget_usd", get, range(1, 100_001), "from 1 to 100000"),
            start_on_new_manifest=_boolean("start_on_new_manifest", get),
            kms_key_arn=_kms_key_arn("kms_key_arn", get),
            serving=_boolean("serving", get),
            serving_concurrency=_integer("serving_concurrency", get, range(1001), "from 0 to 1000"),
        )


def _matching(name: str, get: Callable[[str], object], pattern: re.Pattern[str], allowed: str) -> str:
    value = get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _refusal(name, value, allowed)
    return value


def _dataset_prefix(name: str, get: Callable[[str], object]) -> str:
    """All that begins with it is open to who uploads data sets, and to runs."""
    prefix = _matching(name, get, _PREFIX, "a folder's name, such as dino-data")
    for folder in OWN_FOLDERS:
        if folder.startswith(prefix):
            raise _refusal(name, prefix, f"a folder's name with which {folder} does not begin, such as dino-data")
    return prefix


def _one_of(name: str, get: Callable[[str], object], allowed: Collection[str]) -> str:
    value = get(name)
    if not isinstance(value, str) or value not in allowed:
        raise _refusal(name, value, f"one of {', '.join(allowed)}")
    return value


def _integer(name: str, get: Callable[[str], object], allowed: Collection[int], described: str) -> int:
    value = get(name)
    digits = str(value).removesuffix(".0")  # numbers come from JavaScript as 60.0
    if not re.fullmatch(r"[0-9]{1,9}", digits) or int(digits) not in allowed:
        raise _refusal(name, value, f"a whole number {described}")
    return int(digits)


def _minutes(name: str, get: Callable[[str], object]) -> float:
    """Above 0 and at most a day, which is longer than anybody waits for a sign of life."""
    value = get(name)
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text) or not 0 < float(text) <= MINUTES_OF_A_DAY:
        raise _refusal(name, value, f"a number of minutes above 0 and up to {MINUTES_OF_A_DAY}")
    return float(text)


def _boolean(name: str, get: Callable[[str], object]) -> bool:
    value = get(name)
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise _refusal(name, value, "true or false")


def _kms_key_arn(name: str, get: Callable[[str], object]) -> str | None:
    if get(name) in (None, ""):
        return None
    return _matching(name, get, _KMS_KEY, 'the ARN of a KMS key (not of an alias), or to "" for S3\'s own encryption')


def _quality_gate(name: str, get: Callable[[str], object]) -> dict[str, float]:
    """As a request's, or JSON of it: `cdk deploy -c` gives strings."""
    value = get(name)
    try:
        return parse_quality_gate(json.loads(value) if isinstance(value, str) else value)
    except (ValueError, RequestInvalid):
        raise _refusal(
            name, value, 'an object of classes and their least F1 from 0 to 1, such as {"room": 0.895}'
        ) from None


def _refusal(name: str, value: object, allowed: str) -> ConfigurationError:
    given = "is not given" if value is None else f"is {value!r}"
    return ConfigurationError(f"The context value {name} {given}; set it in cdk.json or by -c {name}=... to {allowed}.")
