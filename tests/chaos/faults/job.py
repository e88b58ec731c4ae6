"""What goes wrong in the training job, or with the instance that it runs on; and how to wait for a job that trains."""

from __future__ import annotations

import random
import time
from dataclasses import replace

from tests.chaos.executions import describe, within
from tests.chaos.faults.fault import ENDLESS, PATIENCE_SECONDS, REGISTERED, Fault
from tests.chaos.stand_in import JobPlan
from tests.end_to_end.deployed import Deployed


def failed_job(rng: random.Random) -> Fault:
    """The job fails by one of the trainer's classes, and now and then the last step dies on top."""
    code = rng.choice(["CONFIG", "DATA", "OOM", "NAN_LOSS", "STALL", "BUG"])
    dies = rng.random() < 0.5

    def before(deployed: Deployed) -> None:
        if dies:
            deployed.aws.faults.crash(deployed.function("failed"), work_done=False)

    return Fault(
        name=f"job fails with {code}{', and the step Failed dies once' if dies else ''}",
        ends=frozenset({"FAILED TrainingFailed"}),
        job=JobPlan(fails_at=rng.randint(1, 60), failure_code=code),
        before=before,
        cause=code,
    )


def killed_job(rng: random.Random) -> Fault:
    """The job is killed from outside and can write no failure file."""
    return Fault(
        name="job killed",
        ends=frozenset({"FAILED TrainingFailed"}),
        job=JobPlan(dies_at=rng.randint(1, 60)),
        cause="exit code",
    )


def lost_host(rng: random.Random) -> Fault:
    """One of two hosts dies; perhaps the run is redriven, on two new ones."""
    host, delay, redriven = rng.choice(["algo-1", "algo-2"]), rng.uniform(0, 1.5), rng.random() < 0.5

    def during(deployed: Deployed, execution_arn: str) -> None:
        job = job_at_work(deployed, execution_arn)
        time.sleep(delay)
        assert job is None or within(PATIENCE_SECONDS, lambda: lose_host(deployed, job, host))

    return Fault(
        name=f"host lost ({host} of two, after {delay:.1f} s{', then redriven' if redriven else ''})",
        ends=frozenset({"FAILED TrainingFailed"}),
        request={"instance_count": 2},
        job=JobPlan(steps=ENDLESS),
        during=during,
        cause="exit code",
        redriven=redriven,
    )


def interrupted(rng: random.Random) -> Fault:
    """AWS takes the spot instance away, once or twice."""
    delays = [rng.uniform(0, 1.5) for _ in range(rng.randint(1, 2))]

    def during(deployed: Deployed, execution_arn: str) -> None:
        job = job_at_work(deployed, execution_arn)
        if job is None:
            return
        for delay in delays:
            description = deployed.aws.training_jobs.wait_for(job, ["Training"], PATIENCE_SECONDS)
            time.sleep(delay)
            if description["SecondaryStatus"] == "Training":
                interrupt(deployed, job)

    return Fault(
        name=f"spot instance taken away after {' and '.join(f'{delay:.1f}' for delay in delays)} s",
        ends=frozenset({REGISTERED}),
        job=JobPlan(steps=150),
        during=during,
    )


def interrupted_at_the_worst(rng: random.Random) -> Fault:
    """AWS calls the interrupted job Completed, or the upload of its last checkpoint is cut off."""
    cut, fault = rng.random() < 0.5, interrupted(rng)

    def before(deployed: Deployed) -> None:
        faults = deployed.aws.faults
        (faults.cut_last_upload if cut else faults.complete_when_interrupted)()

    return replace(
        fault, name=f"{fault.name}, {'its last upload cut off' if cut else 'called Completed'}", before=before
    )


def slow_start(rng: random.Random) -> Fault:
    """Each status before the first line of the log takes its time."""
    statuses = ("LaunchingMLInstances", "PreparingTrainingStack", "DownloadingTrainingImage", "Training")
    seconds = {status: rng.uniform(0, 1.2) for status in statuses}
    return Fault(
        name=f"first line of the log {sum(seconds.values()):.1f} s late",
        ends=frozenset({REGISTERED}),
        before=lambda deployed: deployed.aws.faults.slow_start(seconds),
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


def job_at_work(deployed: Deployed, execution_arn: str) -> str | None:
    """The execution's job once it trains; None if the execution ends before."""
    sagemaker = deployed.session.client("sagemaker")
    while describe(deployed, execution_arn)["status"] == "RUNNING":
        for job in deployed.jobs_at_work():
            if sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatus"] == "Training":
                return job
        time.sleep(0.05)
    return None


def lose_host(deployed: Deployed, job: str, host: str) -> bool:
    """Whether the host could be lost: it has to have begun."""
    try:
        deployed.aws.training_jobs.lose_host(job, host)
    except ValueError:
        return False
    return True


def interrupt(deployed: Deployed, job: str) -> None:
    """Take the instance away, unless the job has stopped training meanwhile."""
    try:
        deployed.aws.training_jobs.interrupt(job)
    except ValueError:
        return


FAULTS = (
    failed_job,
    killed_job,
    lost_host,
    interrupted,
    interrupted_at_the_worst,
    slow_start,
    stalled,
    not_finite,
    first_minutes_failed,
    too_slow,
)
