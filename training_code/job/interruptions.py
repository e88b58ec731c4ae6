"""What interrupts a running job from outside its loop: a request to stop, and a stall."""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType


class StopRequest:
    """Remembers SIGTERM: SageMaker sends it 120 seconds before it ends a job that is stopped or interrupted."""

    def __init__(self) -> None:
        self.received = False
        signal.signal(signal.SIGTERM, self._receive)

    def _receive(self, _signal: int, _frame: FrameType | None) -> None:
        self.received = True


class StallWatchdog:
    """Ends the process when no progress was reported for too long, after writing every thread's stack to the log.

    A hanging read cannot be interrupted from Python, so the process ends at once, with exit status 1.
    """

    def __init__(self, seconds: float, on_stall: Callable[[], None]) -> None:
        self._limit = seconds
        self._on_stall = on_stall
        self._last = time.monotonic()
        self._done = threading.Event()
        threading.Thread(target=self._watch, name="stall-watch", daemon=True).start()

    def progress(self) -> None:
        """Restart the stall timer."""
        self._last = time.monotonic()

    def close(self) -> None:
        """Stop the stall timer."""
        self._done.set()

    def _watch(self) -> None:
        while not self._done.wait(max(0.01, self._last + self._limit - time.monotonic())):
            if time.monotonic() - self._last >= self._limit:
                try:
                    faulthandler.dump_traceback()
                    self._on_stall()
                finally:  # also where a file cannot be written: a job that hangs costs money
                    os._exit(1)
