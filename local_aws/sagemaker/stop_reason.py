"""Why a training job is stopped before its command ends by itself."""

from __future__ import annotations

from enum import Enum


class StopReason(Enum):
    """Its value is the secondary status with which the job ends, or for the last two is interrupted or left."""

    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    MAX_WAIT_TIME_EXCEEDED = "MaxWaitTimeExceeded"
    INTERRUPTED = "Interrupted"
    SERVER_CLOSED = ""

    @property
    def ends_job(self) -> bool:
        """Whether the job ends with this as its status, with what it has saved uploaded."""
        return self not in (StopReason.INTERRUPTED, StopReason.SERVER_CLOSED)
