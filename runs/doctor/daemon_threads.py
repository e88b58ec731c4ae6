"""Calls on threads that end with the process: that of ThreadPoolExecutor waits for all that it has begun."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

Value = TypeVar("Value")


def begin(calls: Sequence[Callable[[], Value]], *, threads: int) -> list[Future[Value]]:
    """Begin the calls, as many at a time as `threads`; the future of each has what it returns or raises."""
    futures: list[Future[Value]] = [Future() for _ in calls]
    waiting: queue.SimpleQueue[tuple[Future[Value], Callable[[], Value]]] = queue.SimpleQueue()
    for item in zip(futures, calls, strict=True):
        waiting.put(item)

    def work() -> None:
        while True:
            try:
                future, call = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                future.set_result(call())
            except BaseException as error:  # raised where the result is waited for
                future.set_exception(error)

    for _ in range(min(threads, len(calls))):
        threading.Thread(target=work, daemon=True).start()
    return futures
