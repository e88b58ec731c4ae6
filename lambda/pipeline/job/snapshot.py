"""All that is known of a training job at one moment, and the figures that follow from it."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.billing import cost_usd
from pipeline.execution import Execution
from pipeline.job.checkpoint_folder import CheckpointFolder
from pipeline.job.cost import usd_per_hour
from pipeline.job.description import ON_INSTANCE, billable_seconds, has_ended, status_began
from pipeline.job.evaluated_epochs import cost_of_last_epochs
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.job.log import LogEnd
from pipeline.quote.cost_quote import Quote
from pipeline.quote.records import LEAST_SPEED, MOST_SPEED
from pipeline.request import Request
from pipeline.settings import WatchSettings

MOST_IMAGES = 1e6
"""Of an update: no job takes more."""

LINES_FOR_PROJECTION = 10
"""Training lines that the log must have before the cost is projected: the first steps are slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSnapshot:
    """What was read of the job, and the limits by which it is judged."""

    description: Mapping[str, Any]
    """DescribeTrainingJob's answer."""
    job: LaunchedJob
    log: LogEnd
    checkpoints: CheckpointFolder
    request: Request
    quote: Quote
    execution: Execution
    settings: WatchSettings
    now: datetime

    @property
    def next_choice(self) -> Attempt | None:
        """The attempt with the next choice of the quote; None if there is nothing else to try.

        A choice of types that this job could have got as well would wait for the same capacity.
        """
        had = set(self.job.instance_types)
        others = (
            index
            for index, choice in enumerate(self.quote.choices)
            if index > self.job.choice and not had.issuperset(choice.instance_types)
        )
        index = next(others, None)
        return None if index is None else self._attempt(index)

    @property
    def same_choice(self) -> Attempt:
        """The attempt with the same choice once more."""
        return self._attempt(self.job.choice)

    def _attempt(self, choice: int) -> Attempt:
        return Attempt(stage=self.job.stage, choice=choice, number=self.job.number + 1)

    @property
    def billable_seconds(self) -> int:
        """As billed, or while it runs the seconds on an instance: an upper bound for spot."""
        return billable_seconds(self.description, now=self.now)

    @property
    def cost_usd(self) -> float:
        """Of this job, at the price of its instances."""
        return cost_usd(usd_per_hour(self.description, self.quote), self.billable_seconds)

    @property
    def cost_of_last_epochs(self) -> str | None:
        """And what they brought, for people; None before the second evaluation."""
        return cost_of_last_epochs(self.checkpoints.evaluations, usd_per_hour(self.description, self.quote))

    @property
    def quiet_seconds(self) -> int | None:
        """Since the last sign of life; None while it has no instance.

        Signs of life are a line of the log, a file beside the checkpoints, and a new secondary status: while data and
        image are downloaded, and until the container's first line, there are no others.
        """
        if self.description.get("SecondaryStatus") not in ON_INSTANCE or has_ended(self.description):
            return None
        signs = [self.log.last_event, self.checkpoints.last_written, status_began(self.description)]
        return self._seconds_since(max(sign for sign in signs if sign is not None))

    @property
    def checkpoint_age_seconds(self) -> int | None:
        """Since the last checkpoint, perhaps an earlier job's of the same stage; None if there is none."""
        last = self.checkpoints.last_checkpoint
        return None if last is None else self._seconds_since(last)

    @property
    def has_saved(self) -> bool:
        """Whether a checkpoint is of this job, so that the next one goes on from further on."""
        last = self.checkpoints.last_checkpoint
        return last is not None and last > self.description["CreationTime"]

    @property
    def health(self) -> str | None:
        """The status in the trainer's health.json; None until it has judged itself."""
        return self.checkpoints.health.status if self.checkpoints.health else None

    @property
    def images_per_second(self) -> float | None:
        """The median of the last lines: one slow interval, such as one with an evaluation, does not count."""
        speeds = [line.figures["images_per_second"] for line in self.log.training]
        speeds = [speed for speed in speeds if LEAST_SPEED < speed < MOST_SPEED]
        return statistics.median(speeds) if speeds else None

    @property
    def projected_usd(self) -> float | None:
        """The cost of the execution's jobs up to the end of this one, at its present speed; None while not known.

        It leaves out the time for evaluations, so it is somewhat too low; of a job that may stop early, it is that of
        all epochs.
        """
        speed = self.images_per_second
        if has_ended(self.description) or len(self.log.training) < LINES_FOR_PROJECTION or speed is None:
            return None
        last = self.log.training[-1]
        update = last.figures["images_per_update"]  # the trainer may have measured how many fit into memory
        if not 1 <= update <= MOST_IMAGES:
            return None
        images = max(0, last.steps - last.step) * update
        seconds = self.billable_seconds + images / speed
        return round(self.job.cost_before_usd + cost_usd(usd_per_hour(self.description, self.quote), seconds), 2)

    @property
    def step(self) -> str | None:
        """The last one that the log shows, for people."""
        if not self.log.training:
            return None
        last = self.log.training[-1]
        return f"{last.step:,} of {last.steps:,}"

    def _seconds_since(self, moment: datetime) -> int:
        return max(0, round((self.now - moment).total_seconds()))
