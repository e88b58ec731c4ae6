"""Ctrl-C ends the command line at any moment with one sentence and status 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "dataset_prep" / "run.py"


def test_ctrl_c_ends_with_130_and_one_sentence(samples: Path, tmp_path: Path) -> None:
    """Interrupted by a real signal while it writes: it stops itself at the second image."""
    interrupted = (
        "import os, signal, sys\n"
        "import dataset_prep.write as write\n"
        "from dataset_prep.run import main\n"
        "made, calls = write.dataset_png, []\n"
        "def dataset_png(path):\n"
        "    calls.append(path)\n"
        "    if len(calls) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return made(path)\n"
        "write.dataset_png = dataset_png\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", interrupted, "--source", str(samples), "--output", str(tmp_path), "--workers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.strip() == "Stopped. Give the same command again to resume."
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("module", ["argparse", "rich"])
@pytest.mark.parametrize("reaction", ["pass", "raise ImportError"])
def test_ctrl_c_while_python_still_loads_is_one_sentence_too(tmp_path: Path, module: str, reaction: str) -> None:
    """Interrupted by a real signal in the middle of an import, whatever the module that is loading makes of it."""
    (tmp_path / f"{module}.py").write_text(
        f"import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt:\n    {reaction}\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(RUN), "--source", "plans"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Stopped before anything was done.\n"
