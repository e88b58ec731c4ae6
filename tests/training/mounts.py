"""Jobs that see file systems of their own: small or read-only ones."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

from tests.training.training_jobs import TRAIN, Job

# Of <sched.h> and <sys/mount.h>.
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
MOUNTED = """
import os, sys
from tests.training.mounts import mount_tmpfs
folder, options, program = sys.argv[1:]
mount_tmpfs(folder, options)
try:
    exec(program)
finally:
    print(*os.listdir(folder), sep="\\n", flush=True)
"""


def run_with_mount(job: Job, folder: str, options: str, program: str = TRAIN) -> tuple[int, str]:
    """Run `program` where a tmpfs with these options lies at `folder`, and list the folder after it, in the log."""
    if not _can_mount():
        pytest.skip("a mount of its own takes root and unshare(1)")
    return job.run(MOUNTED, folder, options, program)


def mount_tmpfs(folder: str, options: str) -> None:
    """Mount it for this process and its children only."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "no mount of its own")
    Path(folder).mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)


def _can_mount() -> bool:
    try:
        return not subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False).returncode
    except FileNotFoundError:
        return False
