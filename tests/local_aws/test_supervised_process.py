"""Nothing that runs under the supervisor outlives the process that asked for it, whatever ends either of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.supervised_process import SupervisedProcess
from tests.local_aws.conftest import SECONDS, eventually, is_running

ROOT = Path(__file__).resolve().parents[2]
# A command that starts a descendant in a session of its own, which no signal to a process group reaches.
WITH_DAEMON = """
import subprocess, sys, time
daemon = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(daemon.pid, flush=True)
"""


def start(script: str, folder: Path) -> SupervisedProcess:
    return SupervisedProcess(
        [sys.executable, "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        output=subprocess.PIPE,
        scratch=folder,
    )


def first_line(process: SupervisedProcess) -> str:
    assert process.output is not None
    return process.output.readline().decode().strip()


def test_exit_code_and_output_are_the_commands(tmp_path: Path) -> None:
    process = start("import os; print(os.getcwd()); raise SystemExit(7)", tmp_path)
    assert first_line(process) == str(tmp_path)
    assert process.wait(SECONDS) == 7


def test_a_signal_is_reported_as_a_shell_does(tmp_path: Path) -> None:
    process = start("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)
    assert process.wait(SECONDS) == 128 + signal.SIGSEGV


def test_terminate_lets_the_command_clean_up(tmp_path: Path) -> None:
    process = start(
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
        "print('ready', flush=True)\n"
        "signal.pause()",
        tmp_path,
    )
    assert first_line(process) == "ready"
    process.terminate()
    assert process.wait(SECONDS) == 3


def test_terminate_right_after_the_start_is_not_lost(tmp_path: Path) -> None:
    process = start("import time; time.sleep(600)", tmp_path)
    process.terminate()
    assert process.wait(SECONDS) != 0


def test_kill_reaches_what_ignores_sigterm_and_what_left_the_group(tmp_path: Path) -> None:
    process = start(
        f"{WITH_DAEMON}\nimport signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)", tmp_path
    )
    daemon = int(first_line(process))
    assert is_running(daemon)
    process.kill()
    assert not is_running(daemon)
    assert process.wait(SECONDS) == 128 + signal.SIGKILL


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    process = start(WITH_DAEMON, tmp_path)
    daemon = int(first_line(process))
    assert process.wait(SECONDS) == 0
    assert not is_running(daemon)


def test_a_command_that_does_not_exist_is_told(tmp_path: Path) -> None:
    process = SupervisedProcess(["./no-such-command"], cwd=tmp_path, env={}, output=subprocess.PIPE)
    assert "cannot start ./no-such-command" in first_line(process)
    assert process.wait(SECONDS) == 127


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_everything_ends_with_the_parent(tmp_path: Path, end: signal.Signals) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    script = f"""
import pathlib, subprocess, sys
from local_aws.supervised_process import SupervisedProcess
command = [sys.executable, "-c", {WITH_DAEMON + "time.sleep(600)"!r}]
scratch = pathlib.Path(sys.argv[1])
process = SupervisedProcess(command, cwd=pathlib.Path("."), env={{}}, output=subprocess.PIPE, scratch=scratch)
print(process.output.readline().decode(), flush=True)
process.wait()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(scratch)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        try:
            assert parent.stdout is not None
            daemon = int(parent.stdout.readline())
            parent.send_signal(end)
            parent.wait(SECONDS)
        finally:
            parent.kill()
    eventually(lambda: not is_running(daemon), "the daemon has ended with the parent")
    eventually(lambda: not scratch.exists(), "the files of the dead parent are gone too")
