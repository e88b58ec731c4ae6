"""The figures of the steps between two lines of the log."""

import time

import torch

from training_code.loop.step_figures import StepFigures

LONGEST_SECONDS = 300
"""Between two lines of the log; the watch reports a quiet job after 15 minutes, and stops it after 30."""


class MetricWindow:
    """Steps since the last line."""

    def __init__(self) -> None:
        """A line of the log was just written, as of an evaluation."""
        self._last_line = time.monotonic()
        self.begin(0.0)

    def begin(self, start: float) -> None:
        """Start over: the next step begins at `start`, in seconds of training."""
        self._steps: list[StepFigures] = []
        self._images = 0
        self._waited = 0.0
        self._start = self._end = start

    @property
    def is_long(self) -> bool:
        """Whether a line is due, however few steps there were: silence would be taken for a stall."""
        return time.monotonic() - self._last_line > LONGEST_SECONDS

    def add(self, figures: StepFigures, *, images: int, waited: float, end: float) -> None:
        """Add one step of `images` images (of all processes), which waited so many seconds for its data.

        It ended after `end` seconds of training, which may be a while ago: figures are read late.
        """
        self._steps.append(figures)
        self._images += images
        self._waited += waited
        self._end = end

    def line(self) -> dict[str, float]:
        """What a line of the log says, means over the window, with the keys metric_lines.TRAINING_FIGURES; the next
        window begins. There must be a step."""
        elapsed = max(self._end - self._start, 1e-9)
        means = {
            name: sum(getattr(step, name) for step in self._steps) / len(self._steps)
            for name in ("loss", "loss_class", "loss_bbox", "loss_giou", "grad_norm")
        }
        memory = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0
        figures = means | {
            "lr": self._steps[-1].lr,
            "images_per_second": self._images / elapsed,
            "data_wait_share": self._waited / elapsed,
            "gpu_memory_gb": memory,
            "images_per_update": self._images / len(self._steps),
        }
        self._last_line = time.monotonic()
        self.begin(self._end)
        return figures
