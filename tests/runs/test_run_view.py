"""What a person sees of a run that goes on."""

import json
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
    with RunView(Terminal(file=out, force_terminal=terminal, width=160), "us-east-1") as view:
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
    with RunView(Terminal(file=out, width=160), "us-east-1") as view:
        notes = ["The baseline yolo is not compared: it is about other images."]
        view.state("IsQuoteAccepted", {"quote": {"sentence": "About 1.7 h and 2.53 USD.", "notes": notes}})
    assert out.getvalue().splitlines() == [
        "quote: About 1.7 h and 2.53 USD.",
        "quote: The baseline yolo is not compared: it is about other images.",
        "state IsQuoteAccepted",
    ]


def test_for_what_a_launch_waits_is_told_once() -> None:
    out = StringIO()
    cause = json.dumps({"errorMessage": "SageMaker still counts \x1b[2J the instance of job.", "stackTrace": []})
    with RunView(Terminal(file=out, width=160), "us-east-1") as view:
        view.state("Launch", {})
        for _ in range(3):
            view.state("WaitForInstance", {"waiting": {"Error": "InstanceNotFree", "Cause": cause}})
            view.state("Launch", {})
        view.state("WaitForInstance", {"waiting": 7})
        view.state("Finalise", {})
    assert out.getvalue().splitlines() == [
        "state Launch",
        r"state WaitForInstance: SageMaker still counts \x1b[2J the instance of job.",
        "state WaitForInstance: ",
        "state Finalise",
    ]


def test_where_a_job_can_be_watched_is_told_once_for_each_stage() -> None:
    out = StringIO()
    with RunView(Terminal(file=out, width=160), "us-east-1") as view:
        for stage in (0, 0, 1):
            view.state("Wait", {"job": {"checkpoints_uri": f"s3://b/checkpoints/run(1)/{stage}/"}})
        view.state("Wait", {})
    lines = out.getvalue().splitlines()
    assert lines[0] == (
        "TensorBoard: aws s3 sync 's3://b/checkpoints/run(1)/0/tensorboard' 'build/tensorboard/run(1)/0'"
        " && tensorboard --logdir 'build/tensorboard/run(1)'"
    )
    assert lines[1] == (
        "pictures of each evaluated epoch: s3://b/checkpoints/run(1)/0/pictures/"
        " https://us-east-1.console.aws.amazon.com/s3/buckets/b?region=us-east-1"
        "&prefix=checkpoints/run%281%29/0/pictures/"
    )
    assert len(lines) == 4
    assert "/1/tensorboard" in lines[2]


def test_on_a_terminal_a_bar_tells_progress_and_cost() -> None:
    text = shown(terminal=True)
    assert "epoch 3, step 20 of 700, loss 2.5, 2.5 images/s" in text
    assert "0.42 of at most 10.00 USD" in text


def test_what_would_move_the_cursor_is_escaped() -> None:
    assert shown(terminal=False).splitlines()[3] == r"a name with \x1b[2J in it [bold]"
