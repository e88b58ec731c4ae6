"""Time and memory of work on the GPU, or in a dry run on the CPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

ON_GPU = torch.cuda.is_available()
"""Without one it is a dry run: all works, and is measured as briefly as can be."""
WARM_UPS, LONGEST, MOST = (2, 2.0, 20) if ON_GPU else (1, 0.0, 1)
"""Calls before it counts; seconds and calls that count."""
HEAD_START = 10_000_000
"""Cycles, some milliseconds, for which the GPU waits while the host starts all of a call."""
NEEDS_GPU = "needs a GPU"


def device() -> torch.device:
    """Where all is measured."""
    return torch.device("cuda" if ON_GPU else "cpu")


def seconds(work: Callable[[], object]) -> float:
    """The median of some calls, each from its start on the host to the end of what it started on the GPU."""

    def timed() -> float:
        wait()
        start = time.perf_counter()
        work()
        wait()
        return time.perf_counter() - start

    return _median(work, timed)


def gpu_seconds(work: Callable[[], object]) -> float:
    """The median of what the GPU takes for a call, without the host's time to start it: in an update, the host starts
    the one while the GPU computes the other."""

    def timed() -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        torch.cuda._sleep(HEAD_START)  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    return _median(work, timed) if ON_GPU else seconds(work)


def _median(work: Callable[[], object], timed: Callable[[], float]) -> float:
    for _ in range(WARM_UPS):
        work()
    times: list[float] = []
    while len(times) < MOST and (not times or sum(times) < LONGEST):
        times.append(timed())
    return statistics.median(times)


def wait() -> None:
    """For all that was started on the GPU."""
    if ON_GPU:
        torch.cuda.synchronize()


def peak_gib(work: Callable[[], object]) -> float | None:
    """The most memory of the GPU that was taken during a call; None without a GPU."""
    if not ON_GPU:
        return None
    torch.cuda.reset_peak_memory_stats()
    work()
    wait()
    return torch.cuda.max_memory_allocated() / 2**30
