"""Types the commands of a page, one after the other, as its reader would."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import boto3

from runs import __main__ as runs
from tests.docs.aws_command import aws_call
from tests.docs.page_lines import ROOT, commands_to_run


class Terminal:
    """The commands that a page has for tests to run, each once, in the AWS of this process's AWS_* variables."""

    def __init__(self, page: Path, **placeholders: str) -> None:
        """`placeholders` are what to type in the place of words: NAME="run-1", build="another/folder"."""
        self.left = commands_to_run(page)
        self.placeholders = placeholders

    def run(self, start: str, *, status: int = 0, **placeholders: str) -> str:
        """Run the first command left that begins so, and return what it says; it must end with the status."""
        command = self._take(start, placeholders)
        program, *arguments = shlex.split(command)
        assert program == "python", command
        if arguments[:2] == ["-m", "runs"]:  # in this process, which has imported all of it
            said = io.StringIO()
            with redirect_stdout(said), redirect_stderr(said):
                ended = runs.main(arguments[2:])
            output = said.getvalue()
        else:
            done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
            ended, output = done.returncode, done.stdout + done.stderr
        assert ended == status, f"{command}\n{output}"
        return output

    def call(self, session: boto3.Session, start: str, **placeholders: str) -> Any:
        """AWS's answer to the first command left of the AWS CLI that begins so."""
        return aws_call(self._take(start, placeholders)).result(session)

    def _take(self, start: str, placeholders: Mapping[str, str]) -> str:
        found = [start] if start in self.left else [command for command in self.left if command.startswith(start)]
        command = found[0] if found else None
        assert command is not None, f"{start!r} is not among {self.left}"
        self.left.remove(command)
        for name, text in {**self.placeholders, **placeholders}.items():
            command = re.sub(rf"\b{name}\b", text, command)
        return command
