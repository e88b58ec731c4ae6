"""What a training took and found is not lost where it is interrupted."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from training_code.loop import training_progress
from training_code.loop.training_progress import COLUMNS, TrainingProgress

FIGURES = dict.fromkeys(COLUMNS, 0.5)


def test_the_seconds_of_all_starts_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=50.0)
    monkeypatch.setattr(training_progress, "time", SimpleNamespace(monotonic=lambda: clock.now))
    first = TrainingProgress()
    clock.now += 600
    first.add(FIGURES, epoch=1, seconds=first.seconds)
    state = first.state()
    assert (first.seconds, state["seconds"]) == (600, 600)

    clock.now = 7.0  # another machine's clock
    second = TrainingProgress()
    clock.now += 30
    second.restore(state)
    assert second.seconds == 630
    second.add(FIGURES, epoch=1, seconds=second.seconds)
    clock.now += 70
    third = TrainingProgress()
    third.restore(second.state())
    assert third.seconds == 700
    assert [json.loads(row)["seconds"] for row in third.history()] == [600, 630]
    assert [json.loads(row)["step"] for row in third.history()] == [1, 2]
