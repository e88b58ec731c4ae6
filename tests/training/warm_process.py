"""Processes that need not import PyTorch and the trainer, which takes longer than a small job: forks of one that has.

The first one starts the process that imports them; it ends with the tests.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]

_FORKS = multiprocessing.get_context("forkserver")
# The second is what an optimiser's first step imports.
_FORKS.set_forkserver_preload(["training_code.train", "torch._dynamo", __name__])


class WarmProcess:
    """`python -c program arguments`, started from the repository's root with these environment variables."""

    def __init__(self, program: str, *arguments: str, environment: Mapping[str, str]) -> None:
        reader, writer = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(target=_run, args=(writer, dict(environment), program, arguments))
        self._process.start()
        atexit.register(self._process.kill)  # multiprocessing would wait for one that a failed test has left
        writer.close()
        self.stdout: TextIO = os.fdopen(os.dup(reader.fileno()))  # errors, too
        reader.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def poll(self) -> int | None:
        """The exit status, negative for a signal that ended it; None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """The exit status; raises TimeoutError if it has not ended by then."""
        self._process.join(seconds)
        status = self.poll()
        if status is None:
            raise TimeoutError(f"The process {self.pid} has not ended after {seconds} s.")
        return status

    def finish(self) -> tuple[int, str]:
        """Wait for its end: exit status, and what it wrote and nobody has read yet."""
        with self.stdout:
            log = self.stdout.read()
        return self.wait(60), log


def _run(output: Connection, environment: Mapping[str, str], program: str, arguments: tuple[str, ...]) -> None:
    os.dup2(output.fileno(), sys.stdout.fileno())
    os.dup2(output.fileno(), sys.stderr.fileno())
    output.close()
    multiprocessing.set_start_method(None, force=True)  # the platform's own again, for the trainer's workers
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(program, {"__name__": "__main__"})  # noqa: S102  the tests' own text
