"""Each command on the pages is taken by the program that it calls, and each line of code by a test.

tests/end_to_end/test_pipeline.py runs the commands, tests/prediction/test_predictor.py the lines of Python.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pipeline.request_input import parse_request
from pipeline.settings import Defaults

from app import PIPELINE, SERVING
from runs.request_arguments import request_of
from stacks.configuration import Configuration
from tests.docs.aws_command import aws_call
from tests.docs.page_lines import (
    ASSIGNMENTS,
    CONTRIBUTING,
    NEITHER_COMMAND_NOR_PYTHON,
    ONLY_CHECKED,
    OPERATIONS,
    README,
    ROOT,
    commands,
    commands_to_run,
    is_command,
    python_calls,
    spans,
)

PAGES = [README, CONTRIBUTING, *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = [pytest.param(command, id=f"{page.name}: {command}") for page in PAGES for command in commands(page)]
CONTEXT: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
DEFAULTS = Defaults(
    dataset_prefix="dino-data",
    preset="test",
    instance_type="ml.g5.2xlarge",
    quality_gate={"room": 0.895},
    highest_cost_usd=CONTEXT["highest_cost_usd"],
)


CURL_POST = ["--aws-sigv4", "aws:amz:us-east-1:lambda", "--user", "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"]
CURL_POST += ["--data-binary", "@plan.png", "SERVING_URL"]


class _ParsedError(Exception):
    """Ends a program after its command line was understood."""


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, list[str]], argparse.Namespace]:
    """What a module's own parser makes of arguments, without what the module then does."""

    def main_up_to_parsing(module: str, arguments: list[str]) -> argparse.Namespace:
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        with pytest.raises(_ParsedError) as parsed:
            importlib.import_module(module).main()
        options: argparse.Namespace = parsed.value.args[0]
        return options

    taken = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, *given: Any) -> None:
        raise _ParsedError(taken(self, *given))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
    return main_up_to_parsing


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_taken_by_its_program(
    command: str, parse: Callable[[str, list[str]], argparse.Namespace]
) -> None:
    assert set(re.findall(r"([A-Z_]+)=\S*\s", ASSIGNMENTS.findall(command)[0])) <= {"PIP_EXTRA_INDEX_URL"}
    program, *arguments = shlex.split(ASSIGNMENTS.sub("", command))
    if program == "python":
        _check_python(arguments, parse)
    elif program == "aws" and arguments != ["configure"]:
        aws_call(command)
    elif program == "cdk":
        _check_cdk(*arguments)
    elif program == "make":
        _check_make(arguments)
    else:
        assert (program, arguments) in (
            ("aws", ["configure"]),
            ("source", [".venv/bin/activate"]),
            ("curl", ["-O", "https://download.pytorch.org/models/resnet50-0676ba61.pth"]),
            ("curl", CURL_POST),
            ("pre-commit", ["install"]),
            ("pip", ["install", "tensorboard"]),
        ), "say here how it is checked"


def test_the_weights_that_are_downloaded_are_those_that_are_sent() -> None:
    (curl,) = [command for command in commands(README) if command.startswith("curl")]
    (copy,) = [command for command in commands(README) if command.startswith("aws s3 cp")]
    assert copy.split()[3] == curl.rsplit("/", 1)[-1]
    assert copy.split()[4] == "s3://DATASET_BUCKET_NAME/pretrained/"


@pytest.mark.parametrize("page", [README, CONTRIBUTING, OPERATIONS], ids=lambda page: page.name)
def test_each_span_of_several_words_is_of_a_known_kind(page: Path) -> None:
    """So that no command and no line of Python is passed over because it begins in a new way."""
    for span in spans(page):
        if re.search(r"[ (]", span) and not is_command(span) and span not in python_calls(page):
            assert _is_json(span) or span.startswith(NEITHER_COMMAND_NOR_PYTHON), (
                f"{span!r}: let tests/docs/page_lines.py know what it is"
            )


def test_each_reason_not_to_run_a_command_is_needed() -> None:
    typed = [command for page in PAGES for command in commands(page)]
    run = [command for page in PAGES for command in commands_to_run(page)]
    for start in ONLY_CHECKED:
        assert any(start in command for command in typed if command not in run), start


def test_what_other_pages_have_to_run_is_run_for_one_of_the_three() -> None:
    run = {command for page in (README, CONTRIBUTING, OPERATIONS) for command in commands_to_run(page)}
    for page in PAGES:
        assert set(commands_to_run(page)) <= run, page.name


def _check_python(arguments: list[str], parse: Callable[[str, list[str]], argparse.Namespace]) -> None:
    if arguments[0] == "-m":
        module, arguments = arguments[1], arguments[2:]
        if importlib.util.find_spec(f"{module}.__main__" if _is_package(module) else module) is None:
            pytest.fail(f"there is no module {module}")
        module = f"{module}.__main__" if _is_package(module) else module
    else:
        assert (ROOT / arguments[0]).is_file()
        module, arguments = arguments[0].removesuffix(".py").replace("/", "."), arguments[1:]
    if module == "pip.__main__":
        assert arguments[0] == "install"
        (extra,) = re.fullmatch(r"\.\[(\w+)\]", arguments[1]).groups()  # type: ignore[union-attr]
        assert extra in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    elif arguments:
        options = parse(module, ["--source", "plans", *arguments[:-1]] if arguments[-1] == "..." else arguments)
        if module == "runs.__main__" and options.command == "start":
            parse_request(request_of(options.request, options.settings), DEFAULTS)


def _is_package(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.submodule_search_locations is not None


def _check_cdk(subcommand: str, *arguments: str) -> None:
    words = list(arguments)
    while words:
        option = words.pop(0)
        if option in (PIPELINE, SERVING):
            continue
        value = "" if option == "--all" else words.pop(0)
        assert re.search(rf"(?m)^ +(--[a-z-]+, )?{option}[ ,]", _cdk_help(subcommand)), option
        if option == "-c":
            name, _, given = value.partition("=")
            assert name in CONTEXT
            Configuration.from_context((CONTEXT | {name: given}).get)


@cache
def _cdk_help(subcommand: str) -> str:
    cdk = Path(sys.executable).parent / "cdk"
    env = os.environ | {"CDK_DISABLE_CLI_TELEMETRY": "true", "NODE_NO_WARNINGS": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [cdk, subcommand, "--help", "--no-notices"], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"cdk {subcommand}"), "the CDK knows no such command"
    return done.stdout


def _check_make(arguments: list[str]) -> None:
    """GNU make itself says what it would do; a variable that is given must make a difference."""
    done = _dry_run(arguments)
    assert done.returncode == 0, done.stderr
    for argument in arguments:
        if "=" in argument:
            without = _dry_run([each for each in arguments if each != argument])
            assert without.stdout != done.stdout, f"{argument} is not used by this target"


def _dry_run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def _is_json(text: str) -> bool:
    for whole in (text, f"{{{text}}}"):
        try:
            json.loads(whole)
            return True
        except ValueError:
            continue
    return False
