"""Shows how far each phase is: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from terminal.console import Terminal

_LINE_EVERY_S = 5.0


class Advance(Protocol):
    """What a phase calls for each thing done; safe to call from several threads."""

    def __call__(self, count: int = 1, size: int = 0) -> None:
        """`count` more things are done, with `size` bytes."""


def no_progress(count: int = 1, size: int = 0) -> None:
    """An Advance that shows nothing."""


class _Rate:
    """Counts things and bytes, and says how many there are a second."""

    def __init__(self, unit: str) -> None:
        self.done = 0
        self._unit, self._size, self._started = unit, 0, time.monotonic()
        self._lock = threading.Lock()

    def add(self, count: int, size: int) -> None:
        with self._lock:
            self.done += count
            self._size += size

    def __str__(self) -> str:
        seconds = max(time.monotonic() - self._started, 1e-3)
        number = self.done / seconds
        rate = f"{number:,.{0 if number >= 10 else 1}f} {self._unit}/s"
        return f"{rate}, {self._size / seconds / 1e6:,.1f} MB/s" if self._size else rate


@contextmanager
def phase(console: Terminal, title: str, total: int | None, unit: str) -> Iterator[Advance]:
    """Show the progress of `total` things (None if unknown) called `unit` (in the plural) while the block runs."""
    rate = _Rate(unit)
    if console.is_terminal:
        from rich.progress import (  # noqa: PLC0415  few of many runs are watched
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description:<20}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(title, total=total, rate=rate)

            def advance_bar(count: int = 1, size: int = 0) -> None:
                rate.add(count, size)
                bar.advance(task, count)

            yield advance_bar
        return
    next_line = time.monotonic() + _LINE_EVERY_S

    def advance_line(count: int = 1, size: int = 0) -> None:
        nonlocal next_line
        rate.add(count, size)
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + _LINE_EVERY_S
            of_total = f" of {total:,}" if total is not None else ""
            console.print(f"{title}: {rate.done:,}{of_total} {unit} ({rate})")

    yield advance_line
    things = unit.removesuffix("s") if rate.done == 1 else unit
    console.print(f"{title}: {rate.done:,} {things} ({rate})")
