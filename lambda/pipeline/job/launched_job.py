"""What the state machine carries of the training job at work: `$.attempt`, `$.job`, and why it was told to stop."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`$.attempt`: what Launch is to start."""

    stage: int
    """An index of request.stages."""
    choice: int
    """An index of quote.choices: the first one to try."""
    number: int
    """The job's number within the execution, as in Execution.job_name()."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReason:
    """Why a job was told to stop, and whether the next choice follows."""

    error: str | None
    """The name that the execution fails with; None if it goes on."""
    cause: str | None
    relaunch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedJob:
    """`$.job`: the job that Launch started or found."""

    name: str
    stage: int
    choice: int
    number: int
    redrive_count: int
    """The execution's, when the job was launched."""
    instance_types: tuple[str, ...]
    spot: bool
    cost_before_usd: float
    """What the execution's earlier jobs may be billed."""
    max_runtime_seconds: int
    checkpoints_uri: str
    watch_interval_seconds: int
    counted_usd: float = 0.0
    """What of its cost the metric of what was spent had when Launch took it: none unless it was there already."""
    first_minutes: Literal["open", "passed"] = "open"
    stop: StopReason | None = None
