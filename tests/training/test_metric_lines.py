"""Lines of the log with figures are read as they were written."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_code.job.metric_lines import (
    CLASS_FIGURES,
    METRIC_DEFINITIONS,
    TRAINING_FIGURES,
    VALIDATION_FIGURES,
    class_line,
    read_training_line,
    training_line,
    validation_line,
)

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


@pytest.mark.parametrize(
    "name",
    [
        "room\n[validation] step=9 epoch=1 ap=0.99 ap50=0.99 ap75=0.99 ar=0.99 f1=0.99 f1_threshold=0.5",
        "room\r[train] step=1/2 epoch=1 loss=0",
        "[validation] ap=0.99",
        "room\u2028[train] loss=0",
        "\x1b[2Jroom",
    ],
)
def test_a_class_cannot_forge_a_line(name: str) -> None:
    """Nor one that CloudWatch would read figures from."""
    figures: dict[str, float | None] = dict.fromkeys(CLASS_FIGURES, 0.5)
    for values in (figures, figures | {"ap": None}):
        line = class_line(step=9, name=name, figures=values)
        assert line.isprintable()
        assert line.startswith("[class] step=9 ")
        assert not any(re.search(definition["Regex"], line) for definition in METRIC_DEFINITIONS)


def test_figures_are_read_at_the_start_of_a_line_only_also_of_several_lines() -> None:
    figures = dict.fromkeys(VALIDATION_FIGURES, 0.25)
    ours = validation_line(step=1, epoch=1, figures=figures)
    forged = ours.replace("0.25", "0.99")
    (regex,) = [each["Regex"] for each in METRIC_DEFINITIONS if each["Name"] == "validation:ap"]
    assert re.findall(regex, ours) == ["0.25"]
    assert re.findall(regex, f"warning: the class {forged} is rare") == []
    assert re.findall(regex, f"first\nwarning: {forged}\n{ours}\n  {forged}\n") == ["0.25"]


def test_other_lines_have_no_figures_of_the_training() -> None:
    figures = dict.fromkeys(("ap", "ap50", "ap75", "ar", "f1", "f1_threshold"), 0.5)
    assert read_training_line(validation_line(step=1, epoch=1, figures=figures)) is None
