"""Which tests run when, and that they do not take longer than they have to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import LONGEST_FIRST

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str, **environment: str) -> str:
    """What make prints, called as from a shell and not as from the make that may run this test."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))} | environment
    return subprocess.run(["make", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout


def test_before_a_change_lands_the_slow_tests_have_passed_too() -> None:
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert {"make check", "make test", "make faults", "make demo"} <= set(commands)
    recipes = make("--dry-run", "test", "faults").splitlines()
    assert [" -m faults " in line for line in recipes if " pytest " in line] == [False, True]


def test_the_files_that_are_to_be_run_first_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / "tests" / name).is_file()] == []


def test_what_python_compiles_is_kept_even_where_the_environment_forbids_it() -> None:
    environment = make("--eval", "shown: ; @env", "shown", PYTHONDONTWRITEBYTECODE="1")
    assert "PATH=" in environment
    assert "PYTHONDONTWRITEBYTECODE" not in environment
