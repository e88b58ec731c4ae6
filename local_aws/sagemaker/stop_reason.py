"""Why a training job is stopped before its command ends by itself."""

from __future__ import annotations

from enum import Enum


class StopReason(Enum):
    """The value is the job's secondary status after the stop; the last one leaves the job as it is."""

    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    MAX_WAIT_TIME_EXCEEDED = "MaxWaitTimeExceeded"
    INTERRUPTED = "Interrupted"
    SERVER_CLOSED = ""

    @property
    def ends_job(self) -> bool:
        """Whether the job uploads what it saved and ends with this status, as opposed to an interruption or a kill."""
        return self not in (StopReason.INTERRUPTED, StopReason.SERVER_CLOSED)
