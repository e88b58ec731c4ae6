"""The stall watch ends a job that does nothing, and never one that works."""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from types import SimpleNamespace

import pytest

from training_code.job import interruptions
from training_code.job.interruptions import StallWatchdog

LIMIT = 0.05


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the watch takes for the time, in seconds, and what it does at a stall."""
    clock = SimpleNamespace(now=1000.0, stalled=threading.Event(), status=None)

    def end(status: int) -> None:
        clock.status = status

    monkeypatch.setattr(interruptions, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(faulthandler, "dump_traceback", lambda: None)
    return clock


def test_a_job_that_reports_progress_goes_on(clock: SimpleNamespace) -> None:
    """For twenty times as long as it may be silent."""
    watchdog = StallWatchdog(LIMIT, clock.stalled.set)
    for _ in range(25):
        clock.now += 0.8 * LIMIT
        watchdog.progress()
        time.sleep(LIMIT / 2)  # the watch looks meanwhile
    watchdog.close()
    assert not clock.stalled.is_set()


def test_a_job_that_is_silent_for_less_than_the_limit_goes_on(clock: SimpleNamespace) -> None:
    watchdog = StallWatchdog(LIMIT, clock.stalled.set)
    clock.now += 0.99 * LIMIT
    assert not clock.stalled.wait(10 * LIMIT)
    watchdog.close()


def test_a_silent_job_is_ended(clock: SimpleNamespace) -> None:
    watchdog = StallWatchdog(LIMIT, clock.stalled.set)
    watchdog.progress()
    clock.now += 1.01 * LIMIT
    assert clock.stalled.wait(10)
    deadline = time.monotonic() + 10
    while clock.status is None and time.monotonic() < deadline:
        time.sleep(0.01)
    watchdog.close()
    assert clock.status == 1


def test_a_closed_watch_ends_nothing(clock: SimpleNamespace) -> None:
    watchdog = StallWatchdog(LIMIT, clock.stalled.set)
    watchdog.close()
    clock.now += 100 * LIMIT
    assert not clock.stalled.wait(4 * LIMIT)
