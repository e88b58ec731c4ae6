"""What a person sees of a run that goes on."""

from io import StringIO

from runs.run_view import RunView
from terminal.console import Terminal
from training_code.job.metric_lines import TRAINING_FIGURES, training_line

LOOK = {
    "watch": {"sentence": "Training, step 20 of 700.", "secondary_status": "Training", "execution_cost_usd": 0.42},
    "request": {"max_cost_usd": 10.0},
}
FIGURES = dict.fromkeys(TRAINING_FIGURES, 2.5)


def shown(*, terminal: bool) -> str:
    """A launch, a look and two lines of the log, as they come out."""
    out = StringIO()
    with RunView(Terminal(file=out, force_terminal=terminal, width=160)) as view:
        view.state("Launch", {})
        view.state("Wait", {})
        view.state("WhatNext", LOOK)
        view.log(training_line(step=20, steps=700, epoch=3, figures=FIGURES))
        view.log("a name with \x1b[2J in it [bold]")
    return out.getvalue()


def test_elsewhere_than_on_a_terminal_each_thing_is_a_line() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines[:2] == ["state Launch", "Training, step 20 of 700."]
    assert lines[2].startswith("[train] step=20/700 epoch=3 loss=2.5")


def test_the_quote_is_told_before_anything_is_spent() -> None:
    out = StringIO()
    with RunView(Terminal(file=out, width=160)) as view:
        view.state("IsQuoteAccepted", {"quote": {"sentence": "About 1.7 h and 2.53 USD."}})
    assert out.getvalue().splitlines() == ["quote: About 1.7 h and 2.53 USD.", "state IsQuoteAccepted"]


def test_on_a_terminal_a_bar_tells_progress_and_cost() -> None:
    text = shown(terminal=True)
    assert "epoch 3, step 20 of 700, loss 2.5, 2.5 images/s" in text
    assert "0.42 of at most 10.00 USD" in text


def test_what_would_move_the_cursor_is_escaped() -> None:
    assert shown(terminal=False).splitlines()[3] == r"a name with \x1b[2J in it [bold]"
