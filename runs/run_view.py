"""Shows a run in progress: a live bar on a terminal, plain lines elsewhere."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from pipeline.errors import CaughtError
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from dataset_contract.sanitise import sanitise
from runs.execution_follower import ROUTINE_STATES
from runs.state_input import number, text, texts
from runs.where_to_look import where_to_look
from terminal.console import Terminal
from training_code.job.metric_lines import TrainingLine, read_training_line

WAIT_FOR_INSTANCE = "WaitForInstance"
"""The state before each further try of Launch."""


class RunView:
    """Shows the states, the log and the snapshots of the training job of one run while its context lasts."""

    def __init__(self, console: Terminal, region: str) -> None:
        self._console = console
        self._region = region
        self._checkpoints_uri = ""
        self._last_state = self._waits_for = ""
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[figures]}", markup=False),
                TextColumn("{task.fields[cost]}", markup=False, style="dim"),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=None, figures="", cost="")

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def state(self, name: str, state_input: Mapping[str, Any]) -> None:
        """A state was entered."""
        uri = text(state_input, "job", "checkpoints_uri")
        if uri and uri != self._checkpoints_uri:
            self._checkpoints_uri = uri
            for line in where_to_look(uri, self._region):
                self._say(sanitise(line))
        if name == "IsQuoteAccepted" and (quote := text(state_input, "quote", "sentence")):
            for line in (quote, *texts(state_input, "quote", "notes")):
                self._say(f"quote: {sanitise(line, longest=1000)}")
        if name == WAIT_FOR_INSTANCE:
            self._waiting(state_input)
        elif name not in ROUTINE_STATES and (self._last_state, name) != (WAIT_FOR_INSTANCE, "Launch"):
            self._say(f"state {sanitise(name)}")
            if self._bar is not None:
                self._bar.update(self._task, description=sanitise(name))
        elif name == "WhatNext":
            self._snapshot(state_input)
        self._last_state = name

    def log(self, line: str) -> None:
        """The training job wrote a line to its log."""
        figures = read_training_line(line)
        if figures is None or self._bar is None:
            self._say(sanitise(line))
        else:
            self._bar.update(
                self._task,
                description="Training",
                total=figures.steps,
                completed=figures.step,
                figures=_figures(figures),
            )

    def _waiting(self, state_input: Mapping[str, Any]) -> None:
        """Launch waits, a minute at a time; for what is said once."""
        sentence = CaughtError(Cause=text(state_input, "waiting", "Cause")).message
        if sentence != self._waits_for:
            self._waits_for = sentence
            self._say(f"state {WAIT_FOR_INSTANCE}: {sanitise(sentence, longest=1000)}")
        if self._bar is not None:
            self._bar.update(self._task, description=WAIT_FOR_INSTANCE)

    def _snapshot(self, state_input: Mapping[str, Any]) -> None:
        """What the pipeline read of the job."""
        if self._bar is None:
            self._say(sanitise(text(state_input, "watch", "sentence")))
            return
        cost = number(state_input, "watch", "execution_cost_usd")
        cap = number(state_input, "request", "max_cost_usd")
        if cost is not None and cap is not None:
            self._bar.update(self._task, cost=f"{cost:.2f} of at most {cap:.2f} USD")
        self._bar.update(self._task, description=sanitise(text(state_input, "watch", "secondary_status") or "Training"))

    def _say(self, line: str) -> None:
        self._console.print(line)


def _figures(line: TrainingLine) -> str:
    """Where the training is and how it goes, in the width of a terminal."""
    parts = [f"epoch {line.epoch}, step {line.step:,} of {line.steps:,}"]
    if "loss" in line.figures:
        parts.append(f"loss {line.figures['loss']:.4g}")
    if "images_per_second" in line.figures:
        parts.append(f"{line.figures['images_per_second']:.3g} images/s")
    return ", ".join(parts)
