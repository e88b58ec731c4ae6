"""Figures between two lines of the log: by when steps ended, however late their figures are read."""

from __future__ import annotations

import pytest

from training_code.loop.metric_window import MetricWindow
from training_code.loop.step_figures import StepFigures


def test_speed_and_waits_count_from_end_to_end() -> None:
    window = MetricWindow()
    window.begin(100.0)
    for loss, end in ((4.0, 102.0), (2.0, 108.0)):
        figures = StepFigures(loss, 1.0, 1.0, 1.0, 0.5, lr=1 / loss, stop=False)
        window.add(figures, images=8, waited=1.0, end=end)
    found = window.line()
    assert (found["loss"], found["lr"]) == (3.0, 0.5)
    assert found["images_per_second"] == pytest.approx(2.0)
    assert found["data_wait_share"] == pytest.approx(0.25)
