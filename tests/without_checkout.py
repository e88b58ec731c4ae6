"""Runs Python without the checkout: the editable installation would hide a file that an archive lacks."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def run_without_checkout(
    program: str, *arguments: str, folders: list[Path], cwd: Path
) -> subprocess.CompletedProcess[str]:
    """Run `program` with `folders` and the installed packages on the path; `-S` leaves out what .pth files name."""
    path = os.pathsep.join([*map(str, folders), sysconfig.get_path("purelib")])
    return subprocess.run(
        [sys.executable, "-S", "-B", "-c", program, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
