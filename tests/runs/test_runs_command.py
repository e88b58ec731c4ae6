"""`python -m runs`: what each command does, and that a mistake is one sentence."""

import json
import shlex
import time
from functools import partial
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
)

from runs import __main__ as command
from runs.execution_follower import ExecutionFollower
from runs.request_arguments import request_of
from terminal.console import Terminal
from tests.runs.cloud_in_memory import Cloud, Execution, refusal


def test_the_last_runs_are_shown_with_state_cost_and_outcome(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "running", "bad", "good"]
    assert lines[1].split()[3:] == ["RUNNING", "0.42", "in", "Wait"]
    assert lines[2].split()[3:] == ["FAILED", "TrainingFailed"]
    assert lines[3].split()[3:] == ["SUCCEEDED", "2.27", "registered"]


def test_a_run_is_started_with_the_fields_that_are_set(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["start", '{"preset": "full", "epochs": 3}']
    arguments += ["--set", "preset=test", "--set", "spot=false", "--set", 'instance_types=["ml.g6.xlarge"]']
    assert command.main(arguments) == 0
    (started,) = cloud.started
    assert started["request"] == {"preset": "test", "epochs": 3, "spot": False, "instance_types": ["ml.g6.xlarge"]}
    assert f"runs follow {started['name']}" in capsys.readouterr().out


def test_a_run_that_was_started_is_shown_to_the_next_command(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    cloud.shown_late = 3
    assert command.main(["start"]) == 0
    assert cloud.shown_late == 0
    assert command.main(["follow", cloud.started[0]["name"]]) == 0


@pytest.mark.parametrize(
    "error", [refusal("AccessDeniedException", "no", "DescribeExecution"), ConnectTimeoutError(endpoint_url="x")]
)
def test_a_run_that_was_started_is_said_so_though_it_may_not_be_looked_at(
    error: Exception, cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr(cloud, "describe_execution", refuse)
    assert command.main(["start"]) == 0
    assert capsys.readouterr().out.startswith("Started run-")


def test_a_run_that_is_never_shown_is_waited_for_half_a_minute(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.append(clock[-1] + seconds))
    monkeypatch.setattr(time, "monotonic", lambda: clock[-1])
    cloud.shown_late = 1000
    assert command.main(["start"]) == 0
    assert clock[-1] == 30


def test_an_entry_of_a_field_is_set_by_its_name() -> None:
    settings = ["training.learning_rate=5e-5", "training.precision=fp32", "training.image_short_sides=[640, 800]"]
    assert request_of('{"training": {"batch_size": 4, "precision": "bf16"}}', [*settings, "quality_gate.a.b=0.5"]) == {
        "training": {"batch_size": 4, "precision": "fp32", "learning_rate": 5e-5, "image_short_sides": [640, 800]},
        "quality_gate": {"a.b": 0.5},
    }
    assert request_of('{"training": null}', ["training.seed=1"]) == {"training": {"seed": 1}}


@pytest.mark.parametrize(
    "arguments",
    [
        ["{preset: full}"],
        ["[1]"],
        ["--set", "preset"],
        ["--set", "=full"],
        ["--set", ".x=1"],
        ["--set", "training.=1"],
        ["--set", "training=5", "--set", "training.learning_rate=1"],
    ],
)
def test_a_request_that_is_mistyped_starts_nothing(
    arguments: list[str], cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["start", *arguments]) == 1
    assert cloud.started == []
    assert capsys.readouterr().err.count("\n") == 1


def test_a_run_is_followed_to_its_end(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["follow", "good"]) == 0
    shown = capsys.readouterr().out
    assert "state Succeeded" in shown
    assert "The run good is SUCCEEDED." in shown
    assert "The gate is met.\nCompared with the baseline yolo:\nThe new model finds rooms better than yolo.\n" in shown
    assert "python -m runs fetch good" in shown


STRANGE: list[Any] = ["x", 7, None, ["x"], {}, {"x": "y"}]
FIELDS = {
    "job": ("name", "checkpoints_uri", "stage"),
    "quote": ("sentence", "notes"),
    "watch": ("execution_cost_usd", "sentence", "secondary_status"),
    "request": ("max_cost_usd",),
    "outcome": (
        "error",
        "cause",
        "decision",
        "sentence",
        "cost_usd",
        "artifact_uri",
        "model_package_arn",
        "comparisons",
    ),
}
INPUTS = [
    *[{part: value} for part in FIELDS for value in STRANGE],
    *[{part: {name: value}} for part, names in FIELDS.items() for name in names for value in (7, "x", 10**400, ["x"])],
    {"outcome": {"cost_usd": "x", "training_job_names": ["x"]}},
    {"job": "x"},
]


@pytest.mark.parametrize("state_input", INPUTS, ids=lambda value: str(value)[:60])
def test_whatever_an_execution_carries_its_run_is_shown(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, state_input: dict[str, Any]
) -> None:
    states = [(name, state_input) for name in ("Start", "IsQuoteAccepted", "WhatNext", "Finalise")]
    for terminal in (False, True):
        monkeypatch.setattr(command, "Terminal", partial(Terminal, force_terminal=terminal, file=StringIO()))
        for status in ("FAILED", "RUNNING"):
            cloud.executions = [Execution("strange", states, status=status, at_once=status == "RUNNING")]
            assert command.main(["list"]) == 0
        cloud.executions = [Execution("strange", states, status="FAILED", at_once=False)]
        assert command.main(["follow"]) == 1
        assert command.main(["stop"]) == 1, "it has ended"
        cloud.executions = [Execution("strange", states, status="RUNNING", at_once=False)]
        assert command.main(["stop"]) == 0


def test_what_an_execution_was_started_with_is_no_job_of_its(cloud: Cloud) -> None:
    cloud.executions = [Execution("forged", [("Start", {"job": {"name": "a job of mine"}})], status="FAILED")]
    cloud.describe_training_job = None  # type: ignore[assignment]
    assert command.main(["follow"]) == 1


def test_to_follow_a_run_that_fails_is_a_failure(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["follow", "bad"]) == 1
    assert "TrainingFailed: OOM: the memory did not suffice." in capsys.readouterr().out


def test_ctrl_c_leaves_the_run_running_and_says_so(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_follower: ExecutionFollower) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ExecutionFollower, "wait_for_end", interrupted)
    assert command.main(["follow"]) == 130
    assert "The run running continues" in capsys.readouterr().out
    assert cloud.stopped == []


def test_stop_ends_the_run_and_says_what_becomes_of_its_job(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["stop"]) == 0
    assert cloud.stopped == [cloud.executions[0].arn]
    assert "Its training job floorplan-dino-job is told to stop now" in capsys.readouterr().out


def test_a_run_that_has_ended_cannot_be_stopped(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["stop", "bad"]) == 1
    assert cloud.stopped == []
    assert capsys.readouterr().err == "The run bad has ended already: it is FAILED.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stack", "Other"], "There is no stack Other in us-east-1"),
        (["follow", "--stack", "Other"], "There is no stack Other in us-east-1"),
        (["follow", "nobody"], "There is no run nobody"),
        (["stop", "no\x1b[2Jbody"], r"There is no run no\x1b[2Jbody"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    arguments: list[str], said: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_before_the_first_run_there_is_nothing_to_follow(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.executions = []
    assert command.main([]) == 0
    assert command.main(["follow"]) == 1
    output = capsys.readouterr()
    assert output.out == output.err == "There is no run yet: `python -m runs start` starts one.\n"


def test_a_stack_of_another_version_is_to_be_deployed_again(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.stacks = {"FloorplanDino": {}}
    assert command.main([]) == 1
    assert "deploy it again" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["ExecutionDoesNotExist", "InvalidArn", "ValidationException"])
def test_a_name_that_no_run_can_have_is_a_run_that_is_not_there(
    code: str, cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise refusal(code, "said by AWS", "DescribeExecution")

    monkeypatch.setattr(cloud, "describe_execution", refuse)
    assert command.main(["stop", "no name"]) == 1
    assert capsys.readouterr().err.startswith("There is no run no name: ")


def test_a_run_that_was_started_in_the_same_second_is_no_other_refusal(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise refusal("ExecutionAlreadyExists", "said by AWS", "StartExecution")

    monkeypatch.setattr(cloud, "start_execution", refuse)
    assert command.main(["start"]) == 1
    assert "was started in the same second: try again." in capsys.readouterr().err


def test_the_help_shows_examples_that_can_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    examples = [
        line.split("python -m runs", 1)[1] for line in command.EXAMPLES.splitlines() if "python -m runs" in line
    ]
    for example in examples:
        words = shlex.split(example.split("   ")[0])
        options = command.build_parser().parse_args(words)
        if options.command == "start":
            json.dumps(request_of(options.request, options.settings))
