"""`$.outcome`: how an execution ended, as the state machine carries it and as its output tells."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The error name and sentence of a failed execution."""

    error: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What Finalise returns: Succeed's output, and what Failed raises."""

    status: Literal["SUCCEEDED", "FAILED"]
    """As Step Functions names it."""
    error: str | None
    cause: str | None
    redrive_count: int
    decision: str | None
    """The last judgement's."""
    sentence: str | None
    """That decision with its figures."""
    training_job_name: str | None
    """The last one's."""
    training_job_names: tuple[str, ...]
    starting_weights: str | None
    artifact_uri: str | None
    model_package_arn: str | None
    metrics_uri: str | None
    report_uri: str | None
    seconds: int
    billable_seconds: int
    cost_usd: float
    spot_saving: float | None
    comparisons: tuple[str, ...] = ()
    """How the model compares with the baselines."""
    comparison_uri: str | None = None
