"""What holds for all tests."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# No test is timed: an example that is slow on a busy machine says nothing about the product.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Before torch is imported: on cores that several tests share, OpenMP's threads mostly wait for each other, spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts the tests in the background lets them and all they start ignore Ctrl-C, which tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
