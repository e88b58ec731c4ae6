"""Jobs that see file systems of their own: small or read-only ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.training.training_jobs import Job

TRAIN = "import sys; from training_code import train; sys.exit(train.main())"


def run_with_mount(job: Job, folder: str, options: str, program: str = TRAIN) -> tuple[int, str]:
    """Run `program` where a tmpfs with these options lies at `folder`, and list the folder after it, in the log."""
    if not _can_mount():
        pytest.skip("a mount of its own takes root and unshare(1)")
    script = f'mkdir -p "$1"; mount -t tmpfs -o {options} tmpfs "$1"; "$0" -c "$2"; status=$?; ls "$1"; exit $status'
    return job.run("unshare", "-m", "bash", "-c", script, sys.executable, folder, program)


def _can_mount() -> bool:
    try:
        return not subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False).returncode
    except FileNotFoundError:
        return False
