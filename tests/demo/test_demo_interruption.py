"""A demo that is interrupted says so, and leaves no process, and so no port, and no files behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from demo.__main__ import BUILD, TRAINING_PHASE
from local_aws.supervised_process import living_descendants

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("phase", "signal_number"),
    [
        pytest.param("deploy the stacks", signal.SIGINT, id="Ctrl-C while it deploys"),
        pytest.param(TRAINING_PHASE, signal.SIGTERM, id="SIGTERM while it trains", marks=pytest.mark.faults),
    ],
)
def test_an_interrupted_demo_leaves_nothing(phase: str, signal_number: int) -> None:
    BUILD.mkdir(exist_ok=True)
    before = set(BUILD.glob("demo*"))  # other tests write beside them
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with demo:
        assert demo.stdout is not None
        shown = []
        for line in demo.stdout:
            shown.append(line)
            if phase in line:
                break
        assert phase in shown[-1], shown
        started = living_descendants(demo.pid)
        assert started, "there is something to clean up"
        os.kill(demo.pid, signal_number)
        rest = demo.stdout.read()
        assert demo.wait() == 130, rest
    assert "The demo was interrupted; nothing that it started is left." in rest
    assert [pid for pid in started if is_running(pid)] == []
    assert set(BUILD.glob("demo*")) <= before


def is_running(pid: int) -> bool:
    """Whether the process is there and not just waiting for init to take note of its end."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"
