"""The ways through the state machine that docs/operations.md tells of: states, end, messages, jobs, locks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from pipeline.dataset import batches, validation

from tests.stacks.second_engine.account import Account
from tests.stacks.second_engine.deployment import Deployment
from tests.stacks.second_engine.executions_in_memory import MACHINE
from tests.stacks.second_engine.job_courses import (
    CRASHED,
    GOOD,
    INTERRUPTED,
    NO_CAPACITY,
    QUEUED,
    STALLED,
    UNHEALTHY,
    Course,
)

SNAPSHOT = ("Wait", "Watch", "WhatNext")
CHECKED = "Start Resolve Lock Validate IsDatasetValid"
QUOTED = f"{CHECKED} Quote IsQuoteAccepted"
LAUNCHED = f"{QUOTED} FirstChoice Launch CostCounted snapshots"
TRAINED = f"{LAUNCHED} FirstMinutesPassed snapshots Judge WhatFollows"
RELAUNCHED = "NextChoice Launch CostCounted snapshots"
GOOD_END, BAD_END = "Finalise HasSucceeded Succeeded", "RunFailed Finalise HasSucceeded Failed"
REGISTERED = f"{TRAINED} Registered {GOOD_END}"
SECOND_TRAINED = f"FirstMinutesPassed snapshots Judge WhatFollows Registered {GOOD_END}"
IN_BATCHES = f"{CHECKED} CheckBatches MergeChecks IsDatasetValid"
TWO_TYPES = {"instance_types": ["ml.g5.2xlarge", "ml.g6.2xlarge"], "max_cost_usd": 20}
SERVICE_ERRORS = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "AwsUnavailable",
)
CRASHES = ("Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout")
SetUp = Callable[[Deployment], None]


@dataclass(frozen=True, kw_only=True)
class Path:
    """What is provoked, and what is promised."""

    states: str
    end: str
    """The execution's status, and its error or decision."""
    jobs: int = 1
    messages: int = 1
    given: object = field(default_factory=dict)
    courses: tuple[Course, ...] = (GOOD,)
    faults: dict[str, list[str]] = field(default_factory=dict)
    set_up: SetUp | None = None
    calls: dict[str, int] = field(default_factory=dict)
    """How often a function is called."""


def small_batches(_deployment: Deployment) -> None:
    """The fixture in_batches makes them small."""


def answer_too_much(deployment: Deployment) -> None:
    """CheckImages does, which no Catch catches."""
    deployment.functions.answers["check_images"] = {"text": "x" * 300_000}


def damage_a_picture(deployment: Deployment) -> None:
    """Of the same size, so that only reading it tells."""
    key = "dino-data/train/images/000001.png"
    deployment.account.s3.put(key, deployment.account.s3.objects[key].body[:-20] + bytes(20))


def hold_the_lock(status: str) -> SetUp:
    def set_up(deployment: Deployment) -> None:
        account = deployment.account
        other = account.executions.start("other", {})
        account.s3.put("locks/dino-data.json", f'{{"execution": "{other.arn}"}}'.encode())
        account.clock.advance(600)
        if status != "RUNNING":
            account.executions.set(other, status)

    return set_up


def on_the_account(change: Callable[[Account], Any]) -> SetUp:
    def set_up(deployment: Deployment) -> None:
        change(deployment.account)

    return set_up


PATHS = {
    "registered": Path(states=REGISTERED, end="SUCCEEDED registered"),
    "gate not met": Path(
        states=f"{TRAINED} GateNotMet {GOOD_END}", end="SUCCEEDED gate_not_met", courses=(GOOD.with_(room_f1=0.5),)
    ),
    "two stages": Path(
        states=f"{TRAINED} NextStage {TRAINED.partition('FirstChoice ')[2]} Registered {GOOD_END}",
        end="SUCCEEDED registered",
        given={"preset": "test_then_full"},
        jobs=2,
    ),
    "interrupted, but completed for SageMaker": Path(
        states=f"{TRAINED} Interrupted Launch CostCounted snapshots {SECOND_TRAINED}",
        end="SUCCEEDED registered",
        jobs=2,
        courses=(INTERRUPTED, GOOD),
    ),
    "the test stage is unhealthy": Path(
        states=f"{LAUNCHED} Judge WhatFollows TestStageNotGoodEnough {GOOD_END}",
        end="SUCCEEDED unhealthy",
        given={"preset": "test_then_full"},
        courses=(GOOD.with_(healthy=False, health_after=None),),
    ),
    "data set invalid": Path(
        states=f"{CHECKED} DatasetRefused {BAD_END}",
        end="FAILED DatasetInvalid",
        jobs=0,
        set_up=on_the_account(lambda account: account.s3.put("dino-data/train/images/000001.png", b"no png")),
    ),
    "data set missing": Path(
        states=f"Start Resolve Lock Validate {BAD_END}",
        end="FAILED DatasetMissing",
        jobs=0,
        set_up=on_the_account(lambda account: account.s3.objects.pop("dino-data/manifest.json")),
    ),
    "in batches": Path(
        states=f"{IN_BATCHES}{REGISTERED.removeprefix(CHECKED)}",
        end="SUCCEEDED registered",
        set_up=small_batches,
        calls={"check_images": 4},
    ),
    "in batches, invalid": Path(
        states=f"{IN_BATCHES} DatasetRefused {BAD_END}", end="FAILED DatasetInvalid", jobs=0, set_up=damage_a_picture
    ),
    **{
        f"a batch fails for good with {error}": Path(
            states=f"{CHECKED} CheckBatches MergeChecks IsDatasetValid CheckFailed {BAD_END}",
            end=f"FAILED {error}",
            jobs=0,
            set_up=small_batches,
            faults={"check_images": ["", *[f"before:{error}"] * 40]},
        )
        for error in ("KeyError", "DatasetInvalid", "AwsUnavailable", "Sandbox.Timedout")
    },
    "a batch fails with what nothing catches": Path(
        states=f"{CHECKED} CheckBatches {BAD_END}",
        end="FAILED States.ExceedToleratedFailureThreshold",
        jobs=0,
        set_up=answer_too_much,
    ),
    "lock held": Path(
        states=f"Start Resolve Lock {BAD_END}", end="FAILED AlreadyRunning", jobs=0, set_up=hold_the_lock("RUNNING")
    ),
    "lock left behind": Path(states=REGISTERED, end="SUCCEEDED registered", set_up=hold_the_lock("FAILED")),
    "no quota": Path(
        states=f"{QUOTED} QuoteNotAccepted {BAD_END}",
        end="FAILED QuoteRefused",
        jobs=0,
        set_up=on_the_account(
            lambda account: account.quotas.values.update({"ml.g5.2xlarge for spot training job usage": 0.0})
        ),
    ),
    "cap too low": Path(
        states=f"{QUOTED} QuoteNotAccepted {BAD_END}", end="FAILED QuoteRefused", jobs=0, given={"max_cost_usd": 0.01}
    ),
    "quota refused, next type": Path(
        states=REGISTERED,
        end="SUCCEEDED registered",
        given=TWO_TYPES,
        set_up=on_the_account(lambda account: account.refuse("CreateTrainingJob", "ResourceLimitExceeded")),
    ),
    "no capacity, next type": Path(
        states=f"{LAUNCHED} {RELAUNCHED} {SECOND_TRAINED}",
        end="SUCCEEDED registered",
        given=TWO_TYPES,
        courses=(NO_CAPACITY, GOOD),
        jobs=2,
    ),
    "no capacity at all": Path(
        states=f"{LAUNCHED} {RELAUNCHED} TrainingNotCompleted {BAD_END}",
        end="FAILED LaunchFailed",
        given=TWO_TYPES,
        courses=(NO_CAPACITY,),
        jobs=2,
    ),
    "queued too long, next type": Path(
        states=f"{LAUNCHED} Stop snapshots {RELAUNCHED} {SECOND_TRAINED}",
        end="SUCCEEDED registered",
        given=TWO_TYPES,
        courses=(QUEUED, GOOD),
        jobs=2,
    ),
    "first minutes failed": Path(
        states=f"{LAUNCHED} FirstMinutesFailed Stop snapshots TrainingNotCompleted {BAD_END}",
        end="FAILED FirstMinutesFailed",
        courses=(UNHEALTHY,),
    ),
    "stalled": Path(
        states=f"{LAUNCHED} Stop snapshots TrainingNotCompleted {BAD_END}",
        end="FAILED TrainingStalled",
        courses=(STALLED,),
    ),
    "silent for less than half an hour": Path(
        states=REGISTERED, end="SUCCEEDED registered", courses=(GOOD.with_(health_after=600, silent=(1000, 2750)),)
    ),
    "over budget": Path(
        states=f"{LAUNCHED} Stop snapshots TrainingNotCompleted {BAD_END}",
        end="FAILED OverBudget",
        courses=(GOOD.with_(images_per_second=0.02),),
    ),
    "job crashed": Path(
        states=f"{LAUNCHED} TrainingNotCompleted {BAD_END}", end="FAILED TrainingFailed", courses=(CRASHED,)
    ),
    **{
        f"{error} once in Launch": Path(
            states=REGISTERED, end="SUCCEEDED registered", faults={"launch": [f"{when}:{error}"]}, calls={"launch": 2}
        )
        for when, errors in (("before", SERVICE_ERRORS), ("after", CRASHES))
        for error in errors
    },
    "Launch crashes four times": Path(
        states=f"{QUOTED} FirstChoice Launch {BAD_END}",
        end="FAILED Runtime.ExitError",
        faults={"launch": ["after:Runtime.ExitError"] * 4},
        calls={"launch": 4},
    ),
    "each step is throttled for half an hour": Path(
        states=f"{IN_BATCHES}{REGISTERED.removeprefix(CHECKED)}",
        end="SUCCEEDED registered",
        set_up=small_batches,
        faults={
            function: ["before:Lambda.TooManyRequestsException"] * 12
            for function in (
                *("resolve", "lock", "validate", "check_images", "merge_checks"),
                *("quote", "launch", "watch", "judge", "finalise"),
            )
        },
    ),
    "Quote is throttled for more than an hour": Path(
        states=f"{QUOTED.removesuffix(' IsQuoteAccepted')} {BAD_END}",
        end="FAILED AwsUnavailable",
        jobs=0,
        faults={"quote": ["before:Lambda.TooManyRequestsException"] * 33},
        calls={"quote": 33, "failed": 1},
    ),
    "a bug in Quote": Path(
        states=f"{QUOTED.removesuffix(' IsQuoteAccepted')} {BAD_END}",
        end="FAILED KeyError",
        jobs=0,
        faults={"quote": ["before:KeyError"]},
        calls={"quote": 1},
    ),
    **{
        f"{function} {error} for half an hour": Path(
            states=REGISTERED, end="SUCCEEDED registered", faults={function: [f"before:{error}"] * 12}
        )
        for function in ("watch", "judge", "finalise")
        for error in ("Sandbox.Timedout", "Lambda.Unknown", "AwsUnavailable")
    },
    "Stop hangs for half an hour": Path(
        states=f"{LAUNCHED} Stop snapshots TrainingNotCompleted {BAD_END}",
        end="FAILED TrainingStalled",
        courses=(STALLED,),
        faults={"stop": ["before:Sandbox.Timedout"] * 12},
    ),
    "Watch fails for good": Path(
        states=f"{LAUNCHED.removesuffix(' snapshots')} Wait Watch {BAD_END}",
        end="FAILED AwsUnavailable",
        faults={"watch": ["before:AwsUnavailable"] * 33},
        calls={"watch": 33},
    ),
    "Finalise crashes after its work, twice": Path(
        states=REGISTERED, end="SUCCEEDED registered", faults={"finalise": ["after:Runtime.ExitError"] * 2}
    ),
    "Failed itself is throttled": Path(
        states=f"{QUOTED} QuoteNotAccepted {BAD_END}",
        end="FAILED QuoteRefused",
        jobs=0,
        given={"max_cost_usd": 0.01},
        faults={"failed": ["before:Lambda.TooManyRequestsException"]},
        calls={"failed": 2},
    ),
    "Failed itself dies": Path(
        states=f"{QUOTED} QuoteNotAccepted {BAD_END}",
        end="FAILED QuoteRefused",
        jobs=0,
        given={"max_cost_usd": 0.01},
        faults={"failed": ["before:Runtime.ExitError"] * 3},
        calls={"failed": 4},
    ),
    **{
        f"an input of {size:,} characters": Path(
            states=f"Start Resolve {BAD_END}", end="FAILED RequestInvalid", jobs=0, given={"Comment": "x" * size}
        )
        for size in (20_000, 250_000)
    },
    **{
        f"the input {given!r}": Path(
            states=f"Start Resolve {BAD_END}", end="FAILED RequestInvalid", jobs=0, given=given
        )
        for given in cast("tuple[object, ...]", ("x", [], 7, True, [{}], {"unknown": 1}))
    },
}


@pytest.fixture
def in_batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a path wants it, the sample's eight pictures are too many for one function."""
    if request.node.callspec.params["path"].set_up in (small_batches, damage_a_picture, answer_too_much):
        monkeypatch.setattr(validation, "LARGEST_WHOLE", 3)
        monkeypatch.setattr(batches, "BATCH_IMAGES", 2)


@pytest.mark.usefixtures("in_batches")
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_path(deployment: Deployment, path: Path) -> None:
    deployment.account.sagemaker.courses = list(path.courses)
    deployment.functions.faults |= {name: list(faults) for name, faults in path.faults.items()}
    if path.set_up:
        path.set_up(deployment)
    run = deployment.run(path.given)
    assert folded(run.states) == path.states.split()
    detail = run.now.error if run.now.status == "FAILED" else run.output["decision"]
    assert f"{run.now.status} {detail}" == path.end, run.now.cause
    assert_left_in_order(deployment, own=run.arn)
    assert len(deployment.messages) == path.messages
    text = deployment.account.topic.messages[-1][1]
    assert ("not billed in full yet" in text) == ("has been told to stop" in text), "every other job has ended"
    assert len(deployment.account.sagemaker.jobs) == path.jobs
    assert {name: deployment.functions.invocations.count(name) for name in path.calls} == path.calls
    tries = (run.now.status == "FAILED") + len(path.faults.get("failed", []))
    if run.now.error in CRASHES:  # which by its name alone could be that of Failed
        tries += 3
    assert deployment.functions.invocations.count("failed") == tries
    if run.now.status == "FAILED":
        assert f"({run.now.error})" in deployment.messages[-1]


def assert_left_in_order(deployment: Deployment, *, own: str) -> None:
    """No job runs, and no lock names the execution `own`."""
    account = deployment.account
    assert account.sagemaker.running() == []
    assert [key for key in deployment.locks() if own.encode() in account.s3.objects[key].body] == []


def folded(states: list[str]) -> list[str]:
    """Each row of snapshots of a job as one word."""
    found: list[str] = []
    index = 0
    while index < len(states):
        if tuple(states[index : index + 3]) == SNAPSHOT:
            found += [] if found[-1] == "snapshots" else ["snapshots"]
            index += 3
        else:
            found.append(states[index])
            index += 1
    return found


def test_the_names_of_executions_are_those_of_the_machine() -> None:
    """So that a lock's holder is taken for one of this state machine."""
    assert MACHINE.endswith("FloorplanDino-Training")
