"""What the training jobs of an execution have cost, all together, and what spot saved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.billing import STOPPING_SECONDS, cost_usd
from pipeline.instance_types import INSTANCE_TYPES, PRICES_DATE, PRICES_REGION
from pipeline.job.description import billable_seconds, had_instance, has_ended, instance_count, instance_type
from pipeline.quote.cost_quote import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsCost:
    """The sum over jobs."""

    usd: float
    billable_seconds: int
    training_seconds: int
    """Time on instances, in jobs with several that of one; a spot job is billed for less."""
    price_source: str
    is_final: bool
    """Whether SageMaker has billed them all; before that, spot's discount is unknown, and a job may go on."""

    @property
    def spot_saving(self) -> float | None:
        """The share of the on-demand price that was saved; None if nothing was, or nobody knows yet."""
        if not self.is_final or self.billable_seconds >= self.training_seconds:
            return None
        return 1 - self.billable_seconds / self.training_seconds


def jobs_cost(jobs: Iterable[Mapping[str, Any]], quote: Quote | None, *, now: datetime) -> JobsCost:
    """`jobs` are DescribeTrainingJob's answers, `quote` is the execution's if it got that far."""
    all_jobs = list(jobs)
    seconds = [billable_seconds(job, now=now) for job in all_jobs]
    return JobsCost(
        usd=round(sum(cost_usd(usd_per_hour(job, quote), s) for job, s in zip(all_jobs, seconds, strict=True)), 2),
        billable_seconds=sum(seconds),
        training_seconds=sum(job.get("TrainingTimeInSeconds", s) for job, s in zip(all_jobs, seconds, strict=True)),
        price_source=quote.price_source if quote else f"{PRICES_REGION}'s prices of {PRICES_DATE}",
        is_final=all("BillableTimeInSeconds" in job or (has_ended(job) and not had_instance(job)) for job in all_jobs),
    )


def committed_usd(jobs: Iterable[Mapping[str, Any]], quote: Quote, *, now: datetime) -> float:
    """The most that `jobs`, which have ended or are about to, may be billed in the end."""
    return sum(
        cost_usd(
            usd_per_hour(job, quote),
            billable_seconds(job, now=now) + (STOPPING_SECONDS if job["TrainingJobStatus"] == "Stopping" else 0),
        )
        for job in jobs
    )


def usd_per_hour(job: Mapping[str, Any], quote: Quote | None) -> float:
    """The on-demand price of the job's instances together: as quoted, or else by the table."""
    kind = instance_type(job)
    quoted = quote.usd_per_hour if quote else {}
    return float(Decimal(str(quoted.get(kind, INSTANCE_TYPES[kind].usd_per_hour))) * instance_count(job))
