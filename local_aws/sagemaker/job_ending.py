"""Why a training job is ended before its command ends by itself."""

from __future__ import annotations

from enum import Enum, auto


class Ending(Enum):
    """Why a job is ended before its command ends by itself."""

    STOPPED = auto()
    MAX_RUNTIME_EXCEEDED = auto()
    MAX_WAIT_TIME_EXCEEDED = auto()
    INTERRUPTED = auto()
    SERVER_CLOSED = auto()


LAST_STATUS = {
    Ending.STOPPED: "Stopped",
    Ending.MAX_RUNTIME_EXCEEDED: "MaxRuntimeExceeded",
    Ending.MAX_WAIT_TIME_EXCEEDED: "MaxWaitTimeExceeded",
}


class EndedEarlyError(Exception):
    """The job was ended before its command was started."""
