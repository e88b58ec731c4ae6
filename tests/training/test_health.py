"""A sound run is not stopped, a broken one is: figures over simulated losses, with the noise that losses have."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.training.training_jobs import SMALL, Job
from training_code import train
from training_code.job.health import judge_health
from training_code.loop import health_file

STEPS = 800
"""What room_wall makes in the ten minutes after which it is judged."""
NOISES = (0.05, 0.1, 0.2)
"""Standard deviation of a loss as a share of it; 0.2 is that of two plans an update."""
Course = Callable[[float], float]
"""The loss without noise, over the share of the steps that are done."""

SOUND_FROM_TRAINED: dict[str, Course] = {
    "level": lambda _: 6.0,
    "falling slowly": lambda done: 6.0 - 0.16 * done,
    "unsettled by the higher learning rate": lambda done: 6.0 * (1.13 if done > 0.02 else 1.0),
}
SOUND_FROM_SCRATCH: dict[str, Course] = {
    "falling": lambda done: 12 + 28 * math.exp(-3 * done),
    "falling slowly": lambda done: 40 - 8 * done,
    "falling at first only": lambda done: 20 + 20 * math.exp(-50 * done),
}
DIVERGING: dict[str, Course] = {
    "doubled": lambda done: 6 * (1 + done),
    "after a fall": lambda done: 40 - 60 * done if done < 0.5 else 10 + 40 * (done - 0.5),
    "exploding late": lambda done: 6 * math.exp(5 * max(0.0, done - 0.6)),
}


def simulated(course: Course, noise: float, runs: int, steps: int = STEPS) -> Iterator[list[float]]:
    """Normal noise in half of the runs, and in the others two kinds of plans, of small and of large losses."""
    rng = np.random.default_rng(int(1000 * noise))
    means = np.array([course(step / steps) for step in range(steps)])
    for run in range(runs):
        kinds = rng.choice([-noise, noise], steps)
        factors = np.exp(kinds) if run % 2 else np.maximum(0.1, rng.normal(1, noise, steps))
        yield (means * factors).tolist()


def status(losses: list[float], *, from_scratch: bool = False) -> str:
    return str(judge_health(losses, seconds=601, needed_minutes=10, from_scratch=from_scratch)["status"])


def test_fewer_than_one_sound_run_in_a_thousand_is_called_unhealthy() -> None:
    false_alarms, runs = [], 0
    for from_scratch, courses in ((False, SOUND_FROM_TRAINED), (True, SOUND_FROM_SCRATCH)):
        for name, course in courses.items():
            for noise in NOISES:
                for losses in simulated(course, noise, 180):
                    runs += 1
                    if status(losses, from_scratch=from_scratch) == "unhealthy":
                        false_alarms.append((name, noise))
    assert runs > 3000
    assert len(false_alarms) <= runs / 1000, false_alarms


@pytest.mark.parametrize("steps", [40, 150])
def test_a_sound_run_is_not_judged_in_haste(steps: int) -> None:
    """With few steps noise looks like anything."""
    for noise in (*NOISES, 0.4):
        for from_scratch, course in ((False, SOUND_FROM_TRAINED["level"]), (True, SOUND_FROM_SCRATCH["falling"])):
            found = [status(losses, from_scratch=from_scratch) for losses in simulated(course, noise, 100, steps)]
            assert "unhealthy" not in found


@pytest.mark.parametrize("from_scratch", [False, True])
@pytest.mark.parametrize("course", DIVERGING)
def test_a_diverging_run_is_found(course: str, from_scratch: bool) -> None:
    for noise in NOISES:
        found = [status(losses, from_scratch=from_scratch) for losses in simulated(DIVERGING[course], noise, 50)]
        assert found.count("unhealthy") >= 49, noise


def test_a_run_from_scratch_that_learns_nothing_is_found() -> None:
    for noise in NOISES:
        found = [status(losses, from_scratch=True) for losses in simulated(lambda _: 40.0, noise, 200)]
        assert found.count("unhealthy") >= 190, noise
        assert found.count("healthy") <= 2, noise


def test_where_noise_hides_it_more_steps_tell_what_is_stuck() -> None:
    early = [status(losses, from_scratch=True) for losses in simulated(lambda _: 40.0, 0.2, 50, steps=100)]
    late = [status(losses, from_scratch=True) for losses in simulated(lambda _: 40.0, 0.2, 50, steps=3200)]
    assert early.count("undecided") >= 48
    assert late.count("unhealthy") >= 47


def test_health_is_what_the_user_asked_of_a_first_run() -> None:
    falling = [10 - step / 20 for step in range(100)]
    assert judge_health(falling, seconds=601, needed_minutes=10)["status"] == "healthy"
    assert judge_health(falling, seconds=60, needed_minutes=10)["status"] == "undecided"
    assert judge_health(falling[::-1], seconds=601, needed_minutes=10)["status"] == "unhealthy"
    assert judge_health(falling, seconds=601, needed_minutes=10, failure="OOM")["status"] == "unhealthy"
    assert judge_health([], seconds=601, needed_minutes=10)["status"] == "unhealthy"


@pytest.mark.parametrize("losses", [[0.0] * 50, [0.0, 1.0] * 30, [1e300] * 50, [3.0, 2.0], [1e-300] * 9])
def test_no_losses_break_the_judge(losses: list[float]) -> None:
    for from_scratch in (False, True):
        assert status(losses, from_scratch=from_scratch) in {"healthy", "undecided", "unhealthy"}


def test_a_job_is_judged_again_while_its_loss_says_nothing(
    run_here: Job, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After two steps, after four and after eight of nine, and at the end; each time as a run from scratch."""
    judged = []

    def undecided(losses: list[float], *, from_scratch: bool, **_: object) -> dict[str, object]:
        judged.append((len(losses), from_scratch))
        return {"status": "undecided", "steps": len(losses), "seconds": 0.0, "checks": {}}

    run_here.configure(**SMALL, epochs="3")
    monkeypatch.setattr(health_file, "JUDGED_STEPS", 2)
    monkeypatch.setattr(health_file, "judge_health", undecided)
    assert train.main() == 0
    assert judged == [(2, True), (4, True), (8, True), (9, True)]


def test_a_job_from_a_trained_model_may_have_a_level_loss(
    run_here: Job, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run_here.configure(**SMALL, epochs="1")
    assert train.main() == 0
    channel = run_here.base / "input" / "data" / "pretrained"
    channel.mkdir()
    (run_here.model / "model.safetensors").rename(channel / "model.safetensors")
    (run_here.base / "checkpoints").rename(run_here.base / "earlier")
    told = []

    def judge(losses: list[float], *, from_scratch: bool, **more: object) -> dict[str, object]:
        told.append(from_scratch)
        return {"status": "healthy", "steps": len(losses), "seconds": 0.0, "checks": {}}

    monkeypatch.setattr(health_file, "judge_health", judge)
    assert train.main() == 0
    assert told == [False]
