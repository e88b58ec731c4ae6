"""What a fault is: what the job does, what strikes when, and how the execution may end."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed

PREFIX = "dino-data"
"""Of the valid data set."""
FIRST, SECOND = "ml.g6.2xlarge", "ml.g5.2xlarge"
BOTH = {"instance_types": [FIRST, SECOND]}
REGISTERED = "SUCCEEDED registered"
ENDLESS = 1_000_000
"""Steps of a job that does not end by itself."""
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, with its moment and its variant drawn."""

    name: str
    """With what was drawn."""
    ends: frozenset[str]
    """What each execution may end as: its status, and its error or its decision."""
    request: Mapping[str, Any] = field(default_factory=dict)
    job: JobPlan = field(default_factory=JobPlan)
    before: Callable[[Deployed], None] = lambda _: None
    """Called before the first start."""
    during: Callable[[Deployed, str], None] = lambda _, __: None
    """Called with the first execution's ARN once it has been started."""
    second_start_after: float | None = None
    """Seconds after the first start; None: there is no second one."""
    pattern: tuple[str, ...] | None = None
    """If given, what all executions' ends together must be, sorted."""
    cause: str = ""
    """What the cause of a failure must say."""
    redriven: bool = False
    """Whether the execution is redriven once all has been put right, and then has to succeed."""
    condition: Mapping[str, Any] = field(default_factory=dict)
    """What of local_aws.ministack_faults is switched on from before the first start to the end, redrive included."""
    swept: bool = False
    """Whether only the sweep attends to the end."""


Kind = Callable[[random.Random], Fault]
"""Draws a fault's moment and variant."""
