"""All that is known of a training job at one moment, and the figures that follow from it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipeline.billing import cost_usd
from pipeline.execution import Execution
from pipeline.job.checkpoints import Checkpoints
from pipeline.job.cost import usd_per_hour
from pipeline.job.log import LogEnd
from pipeline.job.state import BILLED, billable_seconds, has_ended, status_since
from pipeline.request import Request
from training_code.recipes import RECIPES

LINES_FOR_PROJECTION = 10
"""Lines of the log with figures before the whole cost is projected: the first steps are slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was read of the job, and by which limits it is judged."""

    job: Mapping[str, Any]
    """DescribeTrainingJob's answer."""
    state: Mapping[str, Any]
    """$.job: what Launch, and perhaps Stop, put there."""
    log: LogEnd
    checkpoints: Checkpoints
    request: Request
    quote: Mapping[str, Any]
    execution: Execution
    stall_limit: timedelta
    """A job on an instance that neither writes to its log nor saves a checkpoint for longer is stopped."""
    queue_limit: timedelta
    """A job that waits longer for an instance gives way to the next choice."""
    now: datetime

    @property
    def next_choice(self) -> dict[str, int] | None:
        """The attempt with the next choice of the quote; None if there is nothing else to try.

        A choice whose types this job could have got as well would wait for what this one waited for.
        """
        had = set(self.state["instance_types"])
        others = (
            index
            for index, choice in enumerate(self.quote["choices"])
            if index > self.state["choice"] and not had.issuperset(choice["instance_types"])
        )
        index = next(others, None)
        return None if index is None else self._attempt(index)

    @property
    def same_choice(self) -> dict[str, int]:
        """The attempt with the same choice once more."""
        return self._attempt(self.state["choice"])

    def _attempt(self, choice: int) -> dict[str, int]:
        return {"run": self.state["run"], "choice": choice, "number": self.state["number"] + 1}

    @property
    def billable_seconds(self) -> int:
        """As billed, or while it runs the seconds on an instance: an upper bound for spot."""
        return billable_seconds(self.job, now=self.now)

    @property
    def cost_usd(self) -> float:
        """Of this job, at the price of the type that it runs on."""
        return cost_usd(usd_per_hour(self.job, self.quote), self.billable_seconds)

    @property
    def quiet_seconds(self) -> int | None:
        """Since the last line of the log or the last checkpoint; None while it has no instance."""
        if self.job.get("SecondaryStatus") not in BILLED or has_ended(self.job):
            return None
        signs = [self.log.last_event, self.checkpoints.last, status_since(self.job)]
        return self._seconds_since(max(sign for sign in signs if sign is not None))

    @property
    def checkpoint_age_seconds(self) -> int | None:
        """Since the last checkpoint, perhaps an earlier job's of the same run; None if there is none."""
        last = self.checkpoints.last
        return None if last is None else self._seconds_since(last)

    @property
    def health(self) -> str | None:
        """The status in the trainer's health.json; None until it has judged itself."""
        return self.checkpoints.health.status if self.checkpoints.health else None

    @property
    def images_per_second(self) -> float | None:
        """The median of the last lines: one slow interval, such as one with an evaluation, does not count."""
        speeds = [line.figures["images_per_second"] for line in self.log.training]
        speeds = [speed for speed in speeds if 1e-3 < speed < 1e6]  # any other number is none that a job can have
        return statistics.median(speeds) if speeds else None

    @property
    def projected_usd(self) -> float | None:
        """The execution's whole cost at the present speed; None while it cannot be told.

        Without the time for evaluations, and so rather too little.
        """
        speed = self.images_per_second
        if has_ended(self.job) or len(self.log.training) < LINES_FOR_PROJECTION or speed is None:
            return None
        last = self.log.training[-1]
        config = RECIPES[self.request.recipe].training
        images = max(0, last.steps - last.step) * config.batch_size * config.accumulation_steps
        seconds = self.billable_seconds + images / speed
        before: float = self.state["cost_before_usd"]
        return round(before + cost_usd(usd_per_hour(self.job, self.quote), seconds), 2)

    @property
    def step(self) -> str | None:
        """The last one that the log shows, for people."""
        if not self.log.training:
            return None
        last = self.log.training[-1]
        return f"{last.step:,} of {last.steps:,}"

    def _seconds_since(self, moment: datetime) -> int:
        return max(0, round((self.now - moment).total_seconds()))
