"""Lines of the log with figures are read as they were written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_code.job.metric_lines import TRAINING_FIGURES, read_training_line, training_line, validation_line

steps = st.integers(0, 10**8)


@given(
    steps,
    steps,
    steps,
    st.fixed_dictionaries(dict.fromkeys(TRAINING_FIGURES, st.floats(-1e300, 1e300) | st.just(math.nan))),
)
def test_a_training_line_is_read_as_it_was_written(
    step: int, total: int, epoch: int, figures: dict[str, float]
) -> None:
    line = read_training_line(training_line(step=step, steps=total, epoch=epoch, figures=figures))
    assert line is not None
    assert (line.step, line.steps, line.epoch) == (step, total, epoch)
    assert set(line.figures) == set(TRAINING_FIGURES)
    for name, value in figures.items():
        read = line.figures[name]
        assert read == pytest.approx(value, rel=1e-4) or (math.isnan(read) and math.isnan(value))


@given(st.text())
def test_no_line_breaks_the_reader(text: str) -> None:
    read_training_line(text)
    read_training_line(f"[train] step=1/2 epoch=1 {text}")
    assert read_training_line(f"x[train] step=1/2 epoch=1 {text}") is None


def test_other_lines_have_no_figures_of_the_training() -> None:
    figures = dict.fromkeys(("ap", "ap50", "ap75", "ar", "f1", "f1_threshold"), 0.5)
    assert read_training_line(validation_line(step=1, epoch=1, figures=figures)) is None
