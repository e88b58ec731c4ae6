"""Runs a command that ends, with everything it started, when this process ends.

`SupervisedProcess` starts this very file as a program, the supervisor: a small process in a session of its own between
this process and the command. The supervisor reads from a pipe whose other end only its parent holds. Whatever kills the
parent, SIGKILL included, the kernel closes that end; then the supervisor kills the command and all its descendants.
When the command exits, the supervisor also kills what it leaves behind, as the end of a container does.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
KILL_SECONDS = 5
KILLED = 128 + signal.SIGKILL


class SupervisedProcess:
    """A running command that cannot outlive this process.

    `pass_fds` are inherited under the same numbers; stdin is empty; `output` takes stdout and stderr
    (`subprocess.PIPE` makes them readable from `.output`). `scratch` is a folder that the supervisor removes if
    this process dies before it can. Raises OSError when the supervisor cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: int | IO[bytes],
        scratch: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        supervisors_end, ours = os.pipe()
        self._lifeline = os.fdopen(ours, "wb", buffering=0)  # closing it is what kills
        try:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, str(scratch or ""), *command],
                cwd=cwd,
                env=dict(env),
                stdin=supervisors_end,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        finally:
            os.close(supervisors_end)
        self.output: IO[bytes] | None = self._supervisor.stdout

    def terminate(self) -> None:
        """Send SIGTERM to the command itself, not to its descendants (as a container's stop does)."""
        self._supervisor.terminate()

    def kill(self) -> None:
        """SIGKILL the command and all its descendants, and wait until they are gone."""
        with contextlib.suppress(BrokenPipeError, ValueError):  # the supervisor is gone, or this is a second call
            self._lifeline.write(b"kill")
            self._lifeline.close()
        try:
            self._supervisor.wait(timeout=10)
        except subprocess.TimeoutExpired:  # the supervisor is stopped (SIGSTOP): its child dies with it
            self._supervisor.kill()
            self._supervisor.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code, 128 + n when signal n ended the command; raises subprocess.TimeoutExpired."""
        while timeout is None:
            # In short waits: Python can lose a Ctrl-C that comes just before an endless one.
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.wait(timeout=1)
        code = self._supervisor.wait(timeout)
        return code if code >= 0 else 128 - code

    def poll(self) -> int | None:
        """The exit code, or None while the command runs."""
        return None if self._supervisor.poll() is None else self.wait(0)


class Supervisor:
    """The program between parent and command: passes signals on, and kills."""

    def __init__(self, scratch: str, command: Sequence[str]) -> None:
        self._scratch = scratch
        self._command = command
        self._child: subprocess.Popen[bytes] | None = None
        self._asked_to_terminate = False

    def run(self) -> int:
        """Run the command to its end; return its exit code as a shell reports it."""
        signal.signal(signal.SIGTERM, self._pass_on)
        set_process_attribute(PR_SET_CHILD_SUBREAPER, 1)  # orphans of the command become ours, so that we find them
        child = self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            close_fds=False,  # the parent's pass_fds; nothing else is inheritable here
            process_group=0,
            preexec_fn=die_with_supervisor,  # noqa: PLW1509  there is one thread only at this point
        )
        if self._asked_to_terminate:
            child.terminate()
        killing = threading.Lock()
        threading.Thread(target=end_with_parent, args=[child, self._scratch, killing], daemon=True).start()
        code = child.wait()
        killing.acquire()  # if the other thread killed the command, it also ends this program
        kill_all(child)
        return code if code >= 0 else 128 - code

    def _pass_on(self, _signal: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._asked_to_terminate = True
        else:
            self._child.terminate()


def end_with_parent(child: subprocess.Popen[bytes], scratch: str, killing: threading.Lock) -> NoReturn:
    """Wait until the parent writes to the pipe or dies, which closes it; then kill the command and end."""
    parent_lives = os.read(0, 1) != b""
    killing.acquire()
    kill_all(child)
    if scratch and not parent_lives:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(KILLED)


def kill_all(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's process group and every other descendant; repeat until none is left, since they may fork."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody, or (macOS) only zombies, in the group
        os.killpg(child.pid, signal.SIGKILL)
    deadline = time.monotonic() + KILL_SECONDS  # a process inside a hanging system call dies only when that returns
    while (victims := living_descendants(os.getpid())) and time.monotonic() < deadline:
        for pid in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def living_descendants(ancestor: int) -> list[int]:
    """Process ids of all descendants that are not zombies; empty where there is no /proc (macOS)."""
    children: dict[int, list[int]] = {}
    zombies = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # pid (name) state parent ...: the name may hold anything, so read from its last parenthesis on.
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except (OSError, ValueError):  # it ended while we looked
            continue
        pid = int(stat.parent.name)
        children.setdefault(int(parent), []).append(pid)
        if state in "ZX":
            zombies.add(pid)
    found, frontier = [], [ancestor]
    while frontier:
        below = children.get(frontier.pop(), [])
        found += below
        frontier += below
    return [pid for pid in found if pid not in zombies]


def die_with_supervisor() -> None:
    """In the command before exec: if the supervisor itself is killed, the kernel kills the command."""
    set_process_attribute(PR_SET_PDEATHSIG, signal.SIGKILL)


def set_process_attribute(option: int, value: int) -> None:
    """Call prctl(2), on Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    try:
        sys.exit(Supervisor(sys.argv[1], sys.argv[2:]).run())
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[2]}: {error.strerror}\n")
        sys.exit(127)
