"""Makes this Python play the container's: without the project on its path, and with names for a training job's hosts.

A package that was left out must fail to import.

Python imports this file by itself before any other, since functions and jobs have its folder on their PYTHONPATH; the
editable installation would otherwise find every module of the checkout.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

sys.path[:] = [entry for entry in sys.path if entry not in (str(HERE), str(ROOT), str(ROOT / "lambda"))]

if "TRAINING_JOB_NAME" in os.environ:
    import socket

    look_up = socket.gethostbyname

    def gethostbyname(hostname: str) -> str:
        """All hosts of a training job are this machine."""
        return "127.0.0.1" if re.fullmatch("algo-[0-9]+", hostname) else look_up(hostname)

    socket.gethostbyname = gethostbyname
