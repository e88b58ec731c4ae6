"""What holds for all tests."""

from __future__ import annotations

import os

# Before torch is imported: on cores that several tests share, OpenMP's threads mostly wait for each other, spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")
