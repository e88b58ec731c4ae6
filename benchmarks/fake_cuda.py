"""Builds what lets a CPU build of PyTorch count on fake CUDA tensors, for a process of its own. Imports no torch."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from benchmarks.measuring import ROOT

SOURCE = Path(__file__).with_suffix(".cpp")


class NoCompilerError(Exception):
    """This machine has no C++ compiler."""


def environment() -> Mapping[str, str]:
    """This process's environment for one with the fake device: it loads the library before it imports torch.

    Raises:
        NoCompilerError: the library is not built yet, and cannot be.
    """
    return {**os.environ, "LD_PRELOAD": str(_library())}


def _library() -> Path:
    """Built once for each version of torch and of the source, in build/."""
    torch = _torch()
    made_of = SOURCE.read_bytes() + (torch / "version.py").read_bytes()
    library = ROOT / "build" / "fake_cuda" / f"{hashlib.sha256(made_of).hexdigest()[:12]}.so"
    if not library.exists():
        compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++"))), None)
        if compiler is None:
            raise NoCompilerError("This machine has no C++ compiler for the fake CUDA device: install g++ or clang++.")
        library.parent.mkdir(parents=True, exist_ok=True)
        unfinished = library.with_suffix(f".{os.getpid()}")
        paths = [f"-I{torch / 'include'}", f"-L{torch / 'lib'}", f"-Wl,-rpath,{torch / 'lib'}"]
        build = [compiler, "-std=c++20", "-O1", "-shared", "-fPIC", str(SOURCE), *paths, "-lc10", "-ltorch_cpu"]
        subprocess.run([*build, "-o", str(unfinished)], check=True)
        unfinished.replace(library)
    return library


def _torch() -> Path:
    """Where torch is installed."""
    spec = find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
