"""Shows and times the phases of the demo: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from dataset_contract.sanitise import sanitise
from terminal.console import Terminal

PLAIN_LINE_INTERVAL = 5.0
"""Seconds between two progress lines where there is no terminal for a bar."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A finished phase and what it took."""

    name: str
    seconds: float


class PhaseProgress:
    """Shows how far a phase is."""

    def __init__(self, console: Terminal, bar: Progress | None, task: TaskID | None) -> None:
        self._console, self._bar, self._task = console, bar, task
        self._last_line = time.monotonic()

    def show(self, text: str, *, fraction: float | None = None) -> None:
        """Show the latest `text`, and the share of the phase that is done (0..1) where it is known."""
        if self._bar is not None and self._task is not None:
            total = None if fraction is None else 1.0
            self._bar.update(
                self._task, status=sanitise(text.strip(), longest=70), total=total, completed=fraction or 0.0
            )
        elif time.monotonic() - self._last_line >= PLAIN_LINE_INTERVAL:
            self._last_line = time.monotonic()
            self._console.print(f"      {text.strip()}")


class PhaseLog:
    """The demo's phases in order, each with its time."""

    def __init__(self, console: Terminal, total: int) -> None:
        self.finished: list[Phase] = []
        self._console, self._total = console, total

    @contextmanager
    def phase(self, name: str, *, own_output: bool = False) -> Iterator[PhaseProgress]:
        """Time what happens inside; `own_output` keeps the bar away from a command that draws its own."""
        label = f"[{len(self.finished) + 1}/{self._total}] {name}"
        started = time.monotonic()
        if self._console.is_terminal and not own_output:
            columns = (
                SpinnerColumn(finished_text="✓"),
                TextColumn(label, markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[status]}", markup=False, style="dim"),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=self._console, transient=True) as bar:
                yield PhaseProgress(self._console, bar, bar.add_task(name, total=None, status=""))
        else:
            self._console.print(label)
            yield PhaseProgress(self._console, None, None)
        seconds = time.monotonic() - started
        self.finished.append(Phase(name, seconds))
        self._console.print(f"{label}: {seconds:.1f} s", style="green")
