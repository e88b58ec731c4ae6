"""What AWS or the account does to a run: quotas, capacity, throttling, and functions that die."""

from __future__ import annotations

import random

from tests.chaos.faults.fault import BOTH, ENDLESS, FIRST, REGISTERED, SECOND, Fault
from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed


def quota_zero(_rng: random.Random) -> Fault:
    """The account may run no spot instance of the type."""
    return Fault(
        name="quota zero",
        ends=frozenset({"FAILED QuoteRefused"}),
        before=lambda deployed: deployed.aws.service_quotas.set(SECOND, 0, spot=True),
    )


def quota_used_up(_rng: random.Random) -> Fault:
    """SageMaker refuses the first type once: the next follows, or the first again if a job on it has just ended."""
    message = "The account-level service limit is 1 Instances, with current utilization of 1 Instances."
    return Fault(
        name="quota used up, then fallback or wait",
        ends=frozenset({REGISTERED}),
        request=BOTH,
        before=lambda deployed: deployed.aws.faults.refuse("CreateTrainingJob", "ResourceLimitExceeded", message, 1),
    )


def quota_held(rng: random.Random) -> Fault:
    """Of a quota of one, the first stage's job holds the instance for some seconds after its end."""
    seconds = rng.uniform(0.5, 8)

    def hold(deployed: Deployed) -> None:
        deployed.aws.service_quotas.set(SECOND, 1, spot=True)
        deployed.aws.faults.hold_quota(seconds)

    return Fault(
        name=f"quota of one, held for {seconds:.1f} s",
        ends=frozenset({REGISTERED}),
        request={"preset": "test_then_full"},
        before=hold,
    )


def no_capacity_then_fallback(rng: random.Random) -> Fault:
    """AWS has none of the first type."""
    spot = rng.random() < 0.7  # on demand SageMaker itself takes the next of the InstancePreferences
    return Fault(
        name=f"no capacity, then fallback ({'spot' if spot else 'on demand'})",
        ends=frozenset({REGISTERED}),
        request={**BOTH, "spot": spot},
        before=lambda deployed: deployed.aws.faults.no_capacity(FIRST, spot=spot),
    )


def long_queue_then_fallback(_rng: random.Random) -> Fault:
    """The job waits for the first type, which never comes."""
    return Fault(
        name="too long in the queue, then fallback",
        ends=frozenset({REGISTERED}),
        request=BOTH,
        before=lambda deployed: deployed.aws.faults.pending(FIRST, spot=True),
    )


def no_capacity_at_all(_rng: random.Random) -> Fault:
    """AWS has none of any type."""
    return Fault(
        name="no capacity of any type",
        ends=frozenset({"FAILED LaunchFailed"}),
        before=lambda deployed: deployed.aws.faults.no_capacity(SECOND, spot=True),
    )


def throttled(rng: random.Random) -> Fault:
    """SageMaker is busy."""
    operation = rng.choice(["CreateTrainingJob", "DescribeTrainingJob", "ListModelPackages", "CreateModelPackage"])
    times = rng.randint(1, 7)
    return Fault(
        name=f"{operation} throttled {times} times",
        ends=frozenset({REGISTERED}),
        before=lambda deployed: deployed.aws.faults.throttle(operation, times),
    )


def crash(rng: random.Random) -> Fault:
    """A function dies, up to as often as the step is tried again; those that are tried for an hour, more often."""
    patient = ["watch", "judge", "finalise"]
    step = rng.choice(["resolve", "lock", "validate", "quote", "launch", *patient])
    work_done, times = rng.random() < 0.5, rng.randint(1, 6 if step in patient else 3)
    return Fault(
        name=f"{step} dies {times} times {'after' if work_done else 'before'} its work",
        ends=frozenset({REGISTERED}),
        before=lambda deployed: deployed.aws.faults.crash(deployed.function(step), work_done=work_done, times=times),
    )


def crash_for_good(rng: random.Random) -> Fault:
    """A function dies whenever it is tried: the run fails, and its job, which would go on forever, is stopped."""
    step = rng.choice(["resolve", "lock", "validate", "quote", "launch"])
    work_done = rng.random() < 0.5
    return Fault(
        name=f"{step} always dies {'after' if work_done else 'before'} its work",
        ends=frozenset({"FAILED Runtime.ExitError"}),
        job=JobPlan(steps=ENDLESS),
        before=lambda deployed: deployed.aws.faults.crash(deployed.function(step), work_done=work_done, times=4),
        cause="The pipeline itself failed",
    )


FAULTS = (
    quota_zero,
    quota_used_up,
    quota_held,
    no_capacity_then_fallback,
    long_queue_then_fallback,
    no_capacity_at_all,
    throttled,
    crash,
    crash_for_good,
)
