"""Whether a machine can make code for itself: what torch.compile and Triton need beside PyTorch."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import torch


def missing_compiler(device: torch.device) -> str:
    """What is missing on this machine to make code for `device`, in words; empty if nothing.

    For a GPU torch.compile uses Triton, which compiles its launcher, in C, on the machine that runs it; for a CPU it
    writes C++. Each looks where its environment variable says, or for the names here only.
    """
    if device.type == "cuda":
        language, chosen, found = "C", os.environ.get("CC"), ["gcc", "clang"]
    else:
        language, chosen, found = "C++", os.environ.get("CXX"), ["clang++" if sys.platform == "darwin" else "g++"]
    if not any(map(shutil.which, [chosen] if chosen else found)):
        return f"this machine has no {language} compiler"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "this machine lacks Python.h (Debian's package python3-dev)"
    return ""
