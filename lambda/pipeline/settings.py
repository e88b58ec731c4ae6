"""Each function's environment variables as a typed value; the stack sets them from the same dataclasses."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from datetime import timedelta
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The fields have the variables' names in lower case; only one with a default may be left out."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises RuntimeError if the deployment left a variable out."""
        given = {field: environment[field.name.upper()] for field in fields(cls) if environment.get(field.name.upper())}
        missing = [field.name.upper() for field in fields(cls) if field not in given and field.default is MISSING]
        if missing:
            raise RuntimeError(f"The function's environment lacks {', '.join(missing)}: deploy the stack again.")
        return cls(**{field.name: text if field.type is str else json.loads(text) for field, text in given.items()})

    def to_environment(self) -> dict[str, str]:
        """What from_environment() reads: strings as they are, all else as JSON."""
        given = {name.upper(): value for name, value in asdict(self).items() if value != ""}
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults(Settings):
    """What the deployment says about requests: what a field is that they leave out, and what they may cost."""

    dataset_prefix: str
    preset: str
    instance_type: str
    quality_gate: Mapping[str, float]
    """Class name -> least F1."""
    highest_cost_usd: int
    """The most that a request may set as its max_cost_usd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSettings(Settings):
    """The pipeline's bucket: all that Lock, Validate, CheckImages and MergeChecks need."""

    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteSettings(BucketSettings):
    """What a refused request may be changed to."""

    highest_cost_usd: int
    """The most that a request may set as its max_cost_usd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings(BucketSettings):
    """What every training job has in common."""

    training_image: str
    training_role_arn: str
    code_asset_bucket: str
    code_asset_key: str
    watch_interval_seconds: int
    """Seconds between two snapshots of a training job."""
    kms_key_arn: str = ""
    """The customer's key, which encrypts the model; "": the bucket decides. Checkpoints always go by the bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings(Settings):
    """How long a job may do nothing."""

    stall_minutes: float
    queue_minutes: float

    @property
    def stall_limit(self) -> timedelta:
        """A job on an instance that neither writes to its log nor saves a checkpoint for longer is stopped."""
        return timedelta(minutes=self.stall_minutes)

    @property
    def queue_limit(self) -> timedelta:
        """A job that waits longer for an instance gives way to the next choice, if there is one."""
        return timedelta(minutes=self.queue_minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings(BucketSettings):
    """Where good models are registered."""

    model_package_group: str
    training_image: str
    """A model package names an image; this one can load what it trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinaliseSettings(BucketSettings):
    """Where the message goes."""

    topic_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings(FinaliseSettings):
    """Whose executions are looked after."""

    state_machine_arn: str
