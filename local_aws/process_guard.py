"""Runs a command that ends, with everything it has started, when the process that asked for it ends.

Two halves. `GuardedProcess` is for the host. It starts this very file as a program, the guard: a small process in its
own session between the host and the command. The guard reads from a pipe whose other end only the host holds. The
kernel closes that end whatever kills the host, SIGKILL included, and then the guard kills the command and all its
descendants; it does the same with what a command leaves behind when it exits, as the end of a container does.
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


class GuardedProcess:
    """A running command that cannot outlive this process.

    `pass_fds` are inherited under the same numbers; stdin is empty; `output` takes stdout and stderr
    (`subprocess.PIPE` makes them readable from `.output`). `scratch` is a folder that the guard removes should this
    process be gone before it could do so. Raises OSError when the guard cannot be started.
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
        guards_end, ours = os.pipe()
        self._lifeline = os.fdopen(ours, "wb", buffering=0)  # closing it is what kills
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, str(scratch or ""), *command],
                cwd=cwd,
                env=dict(env),
                stdin=guards_end,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        finally:
            os.close(guards_end)
        self.output: IO[bytes] | None = self._guard.stdout

    def terminate(self) -> None:
        """Send SIGTERM to the command itself, not to its descendants (as a container's stop does)."""
        self._guard.terminate()

    def kill(self) -> None:
        """SIGKILL the command and all its descendants, and wait until they are gone."""
        with contextlib.suppress(BrokenPipeError, ValueError):  # the guard is gone; this is not the first call
            self._lifeline.write(b"kill")
            self._lifeline.close()
        try:
            self._guard.wait(timeout=10)
        except subprocess.TimeoutExpired:  # the guard itself is stopped: its child dies with it
            self._guard.kill()
            self._guard.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code, 128 + n when signal n ended the command; raises subprocess.TimeoutExpired."""
        while timeout is None:
            # Looking now and then: Python can lose a Ctrl-C that comes just before a wait without end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self.wait(timeout=1)
        code = self._guard.wait(timeout)
        return code if code >= 0 else 128 - code

    def poll(self) -> int | None:
        """The exit code, or None while the command runs."""
        return None if self._guard.poll() is None else self.wait(0)


class Guard:
    """The guard program's side: one command, its signals and its end."""

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
            close_fds=False,  # what the host passed on with pass_fds; nothing else is inheritable here
            process_group=0,
            preexec_fn=die_with_the_guard,  # noqa: PLW1509  the guard has one thread only at this point
        )
        if self._asked_to_terminate:
            child.terminate()
        ending = threading.Lock()
        threading.Thread(target=end_with_host, args=[child, self._scratch, ending], daemon=True).start()
        code = child.wait()
        ending.acquire()  # if it was the other thread that killed the command, that one ends this program
        kill_all(child)
        return code if code >= 0 else 128 - code

    def _pass_on(self, _signal: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._asked_to_terminate = True
        else:
            self._child.terminate()


def end_with_host(child: subprocess.Popen[bytes], scratch: str, ending: threading.Lock) -> NoReturn:
    """Wait until the host says so through the pipe, or is gone, which closes it; then kill the command and end."""
    host_lives = os.read(0, 1) != b""
    ending.acquire()
    kill_all(child)
    if scratch and not host_lives:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(KILLED)


def kill_all(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's process group and every other descendant; again until there is none, as they may fork."""
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


def die_with_the_guard() -> None:
    """In the command before exec: should the guard itself be killed, the kernel kills the command."""
    set_process_attribute(PR_SET_PDEATHSIG, signal.SIGKILL)


def set_process_attribute(option: int, value: int) -> None:
    """Call prctl(2); nothing where it does not exist."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    try:
        sys.exit(Guard(sys.argv[1], sys.argv[2:]).run())
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[2]}: {error.strerror}\n")
        sys.exit(127)
