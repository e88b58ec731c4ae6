"""What people do to a run: stop its job or the whole of it, start it twice, redrive it."""

from __future__ import annotations

import random
import time
from dataclasses import replace

from tests.chaos.faults.aws import crash_for_good, no_capacity_at_all, quota_zero
from tests.chaos.faults.fault import ENDLESS, REGISTERED, Fault
from tests.chaos.faults.job import failed_job, job_at_work, killed_job, stalled
from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed


def stopped_by_hand(rng: random.Random) -> Fault:
    """Somebody stops the job in the console."""
    delay = rng.uniform(0, 3)

    def during(deployed: Deployed, execution_arn: str) -> None:
        job = job_at_work(deployed, execution_arn)
        time.sleep(delay)
        if job is not None:
            deployed.session.client("sagemaker").stop_training_job(TrainingJobName=job)

    return Fault(
        name=f"job stopped by hand after {delay:.1f} s",
        ends=frozenset({"FAILED TrainingStopped"}),
        job=JobPlan(steps=ENDLESS),
        during=during,
    )


def two_starts(rng: random.Random) -> Fault:
    """Two executions for one data set; the second may come while the first is anywhere."""
    delay = rng.choice([0.0, 0.0, rng.uniform(0, 3)])
    return Fault(
        name=f"second start after {delay:.1f} s",
        ends=frozenset({REGISTERED, "FAILED AlreadyRunning"}),
        pattern=("FAILED AlreadyRunning", REGISTERED),
        job=JobPlan(steps=200),
        second_start_after=delay,
    )


def aborted(rng: random.Random) -> Fault:
    """Somebody stops the execution, at any moment from its start on."""
    delay = rng.choice([rng.uniform(0, 1.5), rng.uniform(0, 8)])

    def during(deployed: Deployed, execution_arn: str) -> None:
        time.sleep(delay)
        deployed.session.client("stepfunctions").stop_execution(executionArn=execution_arn)

    return Fault(
        name=f"execution aborted after {delay:.1f} s",
        ends=frozenset({"ABORTED"}),
        job=JobPlan(steps=ENDLESS),
        during=during,
    )


def redriven(rng: random.Random) -> Fault:
    """Another fault has ended the run; once it is put right, the same execution goes on and succeeds."""
    faults = (
        quota_zero,
        no_capacity_at_all,
        crash_for_good,
        failed_job,
        killed_job,
        stalled,
        stopped_by_hand,
        aborted,
    )
    fault = rng.choice(faults)(rng)
    return replace(fault, name=f"{fault.name}, then redriven", redriven=True)


FAULTS = (
    stopped_by_hand,
    two_starts,
    aborted,
    redriven,
)
