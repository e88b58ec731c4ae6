"""Setting up installs what is missing, once, and takes the machine's Node only where it serves."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import environment


def put_program(folder: Path, name: str, output: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho {output}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "serves"), [("v20.20.2", True), ("v24.19.0", True), ("v18.19.0", False), ("nonsense", False)]
)
def test_a_node_that_the_cdk_supports_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, serves: bool
) -> None:
    put_program(tmp_path, "node", version)
    put_program(tmp_path, "npm", "11.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.node_is_suitable() is serves


def test_a_node_without_npm_does_not_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_program(tmp_path, "node", "v24.19.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not environment.node_is_suitable()


def test_a_checkout_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(environment, "ROOT", tmp_path / "file")
    assert environment.main() == 1
    said = capsys.readouterr().out
    assert said == f"{tmp_path}/file/build cannot be read or written: Not a directory. {environment.NEEDS}\n"


@pytest.fixture
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    path = tmp_path / "requirements.lock"
    path.write_text("torch==2.13.0\n")
    return path


def test_a_step_runs_once_and_again_when_its_lock_changes_or_its_folder_is_gone(
    tmp_path: Path, lock_file: Path
) -> None:
    folder, runs = tmp_path / "installed", []

    def install() -> None:
        folder.mkdir(exist_ok=True)
        runs.append(lock_file.read_text())

    environment.once("packages", lock_file, folder, install)
    environment.once("packages", lock_file, folder, install)
    assert len(runs) == 1
    lock_file.write_text("torch==2.14.0\n")
    environment.once("packages", lock_file, folder, install)
    assert len(runs) == 2
    folder.rmdir()
    environment.once("packages", lock_file, folder, install)
    assert len(runs) == 3


def test_a_step_that_was_interrupted_runs_again(tmp_path: Path, lock_file: Path) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        environment.once("packages", lock_file, tmp_path, interrupted)
    runs: list[int] = []
    environment.once("packages", lock_file, tmp_path, lambda: runs.append(1))
    assert runs == [1]


@pytest.mark.parametrize("interruption", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_waits_until_the_command_has_cleaned_up(tmp_path: Path, interruption: signal.Signals) -> None:
    command = (
        "import pathlib, sys, time\n"
        "started, cleaned = map(pathlib.Path, sys.argv[1:])\n"
        "try:\n"
        "    started.touch()\n"
        "    time.sleep(60)\n"
        "finally:\n"
        "    time.sleep(1)\n"
        "    cleaned.touch()\n"
    )
    program = (
        "import environment, signal, sys\n"
        "environment.end_when_interrupted()\n"
        "environment.run([sys.executable, '-c', *sys.argv[1:]])\n"
    )
    started, cleaned = tmp_path / "started", tmp_path / "cleaned"
    with subprocess.Popen(
        [sys.executable, "-c", program, command, str(started), str(cleaned)], stderr=subprocess.DEVNULL
    ) as process:
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(interruption)
        assert process.wait() != 0
    assert cleaned.exists()


def test_a_python_that_cannot_make_virtual_environments_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert environment.main() == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("install its package python3-venv.")


def test_an_old_python_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    assert environment.main() == 2
    assert capsys.readouterr().out == (
        "floorplan-dino needs Python 3.11.4 or newer, this is 3.10.12: run `make PYTHON=python3.12`, say.\n"
    )


@pytest.mark.parametrize(
    ("made", "arguments", "python"),
    [(False, [], "python3"), (True, [], ".venv/bin/python"), (True, ["PYTHON=python3.13"], "python3.13")],
    ids=["a fresh clone", "a .venv is there", "another one is asked for"],
)
def test_make_stays_with_the_python_of_the_venv_until_asked_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: bool, arguments: list[str], python: str
) -> None:
    monkeypatch.delenv("PYTHON", raising=False)
    shutil.copy(environment.ROOT / "Makefile", tmp_path)
    if made:
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "python").touch()
    command = ["make", "--dry-run", "--no-print-directory", *arguments, "setup"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert shown.strip() == f"{python} environment.py"
