"""Whether a machine can make code for itself: what torch.compile and Triton need beside PyTorch."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path


def missing_compiler() -> str:
    """What is missing on this machine, in words; empty if nothing.

    Triton compiles its launcher on the machine that runs it; torch.compile uses Triton, or on a CPU C++.
    """
    if not any(shutil.which(name) for name in (os.environ.get("CC"), "gcc", "clang", "cc") if name):
        return "this machine has no C compiler"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "this machine lacks Python.h (Debian's package python3-dev)"
    return ""
