"""The faults that are switched on in this process, and the question by which local_aws.faults switches them."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

from local_aws.ministack_faults import MinistackFaults

_lock = threading.Lock()
_current = MinistackFaults()


def switched() -> MinistackFaults:
    """The faults as they are now."""
    return _current


def switch(changes: dict[str, Any]) -> dict[str, Any]:
    """Change the faults that are named; {} is the answer."""
    global _current  # noqa: PLW0603  one process, one ministack
    with _lock:
        _current = dataclasses.replace(_current, **changes)
    return {}


def strikes(countdown: str) -> bool:
    """Whether a fault that is set for a number of times strikes this time, too; counts it down."""
    global _current  # noqa: PLW0603
    with _lock:
        left: int = getattr(_current, countdown)
        changes: dict[str, Any] = {countdown: left - 1}
        if left:
            _current = dataclasses.replace(_current, **changes)
        return left > 0
