"""The faults of the chaos run: for each, what the job does, what strikes when, and how the execution may end."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed

PREFIX = "dino-data"
SPOILT = "dino-data-spoilt"
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
    """What each execution may end as: its status, and its error or its verdict."""
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
    most_messages: int = 1
    """Of each execution. More than one only where Finalise dies after it has sent its message, and sends it again."""


def fault_of(seed: int) -> Fault:
    """The seed's fault, drawn by the seed alone: of as many seeds as there are faults, each draws another."""
    block, place = divmod(seed, len(FAULTS))
    order = random.Random(f"order {block}").sample(FAULTS, len(FAULTS))
    return order[place](random.Random(f"fault {seed}"))


def nothing(_rng: random.Random) -> Fault:
    """Gate met."""
    return Fault(name="no fault, gate met", ends=frozenset({REGISTERED}))


def two_runs(_rng: random.Random) -> Fault:
    """Test, then full."""
    return Fault(name="no fault, test then full", ends=frozenset({REGISTERED}), request={"preset": "test_then_full"})


def test_run_not_good(_rng: random.Random) -> Fault:
    """The loss of the test run does not fall, which its first minutes or its end show."""
    return Fault(
        name="test run not good enough",
        ends=frozenset({"SUCCEEDED unhealthy", "FAILED FirstMinutesFailed"}),
        request={"preset": "test_then_full"},
        job=JobPlan(loss_rises=True),
    )


def gate_not_met(rng: random.Random) -> Fault:
    """The model is worse than the gate."""
    f1 = rng.choice([0.0, 0.5, 0.79])
    return Fault(name=f"gate not met (F1 {f1})", ends=frozenset({"SUCCEEDED gate_not_met"}), job=JobPlan(f1=f1))


def spoilt_dataset(rng: random.Random) -> Fault:
    """A data set that changed after its preparation."""
    variant = rng.choice(["missing image", "damaged image", "changed annotation", "no manifest", "broken manifest"])
    error = "DatasetMissing" if variant == "no manifest" else "DatasetInvalid"

    def spoil(deployed: Deployed) -> None:
        keys = [key.removeprefix(f"{PREFIX}/") for key in deployed.keys(f"{PREFIX}/")]
        files = {key: deployed.object(f"{PREFIX}/{key}") for key in keys}
        victim = rng.choice(sorted(key for key in files if "/images/" in key))
        if variant == "missing image":
            del files[victim]
        elif variant == "damaged image":
            damaged = bytearray(files[victim])
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            files[victim] = bytes(damaged)
        elif variant == "changed annotation":
            annotations = json.loads(files["train/annotations.json"])
            rng.choice(annotations["annotations"])["bbox"][rng.randrange(4)] += 1
            files["train/annotations.json"] = json.dumps(annotations).encode()
        elif variant == "no manifest":
            del files["manifest.json"]
        else:
            files["manifest.json"] = files["manifest.json"][: rng.randrange(1, 200)]
        s3 = deployed.session.client("s3")
        for key in deployed.keys(f"{SPOILT}/"):
            s3.delete_object(Bucket=deployed.bucket, Key=key)
        for key, content in files.items():
            deployed.put(f"{SPOILT}/{key}", content)

    return Fault(
        name=f"invalid data set ({variant})",
        ends=frozenset({f"FAILED {error}"}),
        request={"dataset_prefix": SPOILT},
        before=spoil,
    )


def wrong_request(rng: random.Random) -> Fault:
    """A field that no request has, or a value that none may have."""
    requests: list[dict[str, Any]] = [{"presett": "full"}, {"epochs": 0}, {"dataset_prefix": "../x"}, {"spot": "yes"}]
    request = rng.choice(requests)
    return Fault(name=f"wrong request ({request})", ends=frozenset({"FAILED RequestInvalid"}), request=request)


def over_the_cap(_rng: random.Random) -> Fault:
    """The quote is dearer than the request allows."""
    return Fault(
        name="over the cap",
        ends=frozenset({"FAILED QuoteRefused"}),
        request={"epochs": 1000, "max_cost_usd": 0.02},
    )


def quota_zero(_rng: random.Random) -> Fault:
    """The account may run no spot instance of the type."""
    return Fault(
        name="quota zero",
        ends=frozenset({"FAILED QuoteRefused"}),
        before=lambda deployed: deployed.aws.service_quotas.set(SECOND, 0, spot=True),
    )


def quota_used_up(_rng: random.Random) -> Fault:
    """SageMaker refuses the first type, of which others use the quota up."""
    message = "The account-level service limit is 1 Instances, with current utilization of 1 Instances."
    return Fault(
        name="quota used up, then fallback",
        ends=frozenset({REGISTERED}),
        request=BOTH,
        before=lambda deployed: deployed.aws.faults.refuse("CreateTrainingJob", "ResourceLimitExceeded", message, 1),
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
    """The first type is waited for in vain."""
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
    """A function dies, up to as often as the step is tried again."""
    step = rng.choice(["resolve", "lock", "validate", "quote", "launch", "watch", "judge", "finalise"])
    work_done, times = rng.random() < 0.5, rng.randint(1, 3)
    return Fault(
        name=f"{step} dies {times} times {'after' if work_done else 'before'} its work",
        ends=frozenset({REGISTERED}),
        before=lambda deployed: deployed.aws.faults.crash(deployed.function(step), work_done=work_done, times=times),
        most_messages=1 + times if step == "finalise" and work_done else 1,
    )


def crash_for_good(rng: random.Random) -> Fault:
    """A function dies whenever it is tried: the run fails, and its job, which would go on for ever, is stopped."""
    step = rng.choice(["resolve", "lock", "validate", "quote", "launch", "watch"])
    work_done = rng.random() < 0.5
    return Fault(
        name=f"{step} always dies {'after' if work_done else 'before'} its work",
        ends=frozenset({"FAILED Runtime.ExitError"}),
        job=JobPlan(steps=ENDLESS),
        before=lambda deployed: deployed.aws.faults.crash(deployed.function(step), work_done=work_done, times=4),
        cause="The pipeline itself failed",
    )


def failed_job(rng: random.Random) -> Fault:
    """The job fails by one of the trainer's classes, and now and then the last step dies on top."""
    word = rng.choice(["CONFIG", "DATA", "OOM", "NAN_LOSS", "STALL", "BUG"])
    dies = rng.random() < 0.5

    def before(deployed: Deployed) -> None:
        if dies:
            deployed.aws.faults.crash(deployed.function("failed"), work_done=False)

    return Fault(
        name=f"job fails with {word}{', and the step Failed dies once' if dies else ''}",
        ends=frozenset({"FAILED TrainingFailed"}),
        job=JobPlan(fails_at=rng.randint(1, 60), failure_word=word),
        before=before,
        cause=word,
    )


def killed_job(rng: random.Random) -> Fault:
    """The job is killed from outside and can write no failure file."""
    return Fault(
        name="job killed",
        ends=frozenset({"FAILED TrainingFailed"}),
        job=JobPlan(dies_at=rng.randint(1, 60)),
        cause="exit code",
    )


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


def interrupted(rng: random.Random) -> Fault:
    """AWS takes the spot instance away, once or twice."""
    delays = [rng.uniform(0, 1.5) for _ in range(rng.randint(1, 2))]

    def during(deployed: Deployed, execution_arn: str) -> None:
        job = job_at_work(deployed, execution_arn)
        if job is None:
            return
        for delay in delays:
            description = deployed.aws.sagemaker.wait_for(job, ["Training"], PATIENCE_SECONDS)
            time.sleep(delay)
            if description["SecondaryStatus"] == "Training":
                interrupt(deployed, job)

    return Fault(
        name=f"spot instance taken away after {' and '.join(f'{delay:.1f}' for delay in delays)} s",
        ends=frozenset({REGISTERED}),
        job=JobPlan(steps=150),
        during=during,
    )


def stalled(rng: random.Random) -> Fault:
    """The job says nothing any more, and perhaps does not even hear that it is to end."""
    deaf = rng.random() < 0.5
    return Fault(
        name=f"stalled job{' that ignores SIGTERM' if deaf else ''}",
        ends=frozenset({"FAILED TrainingStalled"}),
        job=JobPlan(hangs_at=rng.randint(1, 69), ignores_sigterm=deaf),
    )


def not_finite(rng: random.Random) -> Fault:
    """The loss is not a number any more, and the job goes on."""
    return Fault(
        name="loss not a number",
        ends=frozenset({"FAILED TrainingFailed"}),
        job=JobPlan(steps=ENDLESS, nan_at=rng.randint(1, 60)),
        cause="NAN_LOSS",
    )


def first_minutes_failed(_rng: random.Random) -> Fault:
    """The loss rises."""
    return Fault(
        name="first minutes failed",
        ends=frozenset({"FAILED FirstMinutesFailed"}),
        job=JobPlan(steps=ENDLESS, loss_rises=True),
    )


def too_slow(_rng: random.Random) -> Fault:
    """At the speed of its log, the job would cost more than it may."""
    return Fault(
        name="projected over the cap",
        ends=frozenset({"FAILED OverBudget"}),
        job=JobPlan(steps=ENDLESS, images_per_second=0.01),
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


FAULTS: tuple[Callable[[random.Random], Fault], ...] = (
    nothing,
    two_runs,
    test_run_not_good,
    gate_not_met,
    spoilt_dataset,
    wrong_request,
    over_the_cap,
    quota_zero,
    quota_used_up,
    no_capacity_then_fallback,
    long_queue_then_fallback,
    no_capacity_at_all,
    throttled,
    crash,
    crash_for_good,
    failed_job,
    killed_job,
    stopped_by_hand,
    interrupted,
    stalled,
    not_finite,
    first_minutes_failed,
    too_slow,
    two_starts,
    aborted,
)


def job_at_work(deployed: Deployed, execution_arn: str) -> str | None:
    """The execution's job once it trains; None if the execution ends before."""
    machines = deployed.session.client("stepfunctions")
    while machines.describe_execution(executionArn=execution_arn)["status"] == "RUNNING":
        for job in deployed.jobs_at_work():
            if deployed.is_training(job):
                return job
        time.sleep(0.05)
    return None


def interrupt(deployed: Deployed, job: str) -> None:
    """Take the instance away, unless the job has stopped training meanwhile."""
    try:
        deployed.aws.sagemaker.interrupt(job)
    except ValueError:
        return
