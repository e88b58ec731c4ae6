"""Predicts for the page in the main thread, one plan at a time.

In the main thread, because Ctrl-C arrives there: a prediction in another one would be cut off in the middle of PyTorch.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")


class BusyError(Exception):
    """Another plan is being predicted on."""


class Worker:
    """Does one job at a time, for whichever thread asks first."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._jobs: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue()

    def __enter__(self) -> Worker:
        """Take the turn. Raises BusyError while another thread has it."""
        if not self._turn.acquire(blocking=False):
            raise BusyError
        return self

    def __exit__(self, *_: object) -> None:
        self._turn.release()

    def do(self, job: Callable[[], Result]) -> Result:
        """What `job` returns, or raises, in the thread that works; to be called while one has the turn."""
        future: Future[Result] = Future()
        self._jobs.put((job, future))
        return future.result()

    def work(self) -> NoReturn:
        """Do the jobs, until KeyboardInterrupt."""
        while True:
            job, future = self._jobs.get()
            try:
                future.set_result(job())
            except Exception as error:
                future.set_exception(error)
