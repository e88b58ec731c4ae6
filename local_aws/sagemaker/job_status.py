"""A training job's status as DescribeTrainingJob shows it: where it is, where it has been, since when."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

ENDS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
}
"""The secondary statuses that are final, each with its TrainingJobStatus."""


class JobStatus:
    """The history of a job's secondary status; its owner keeps two threads from changing it at once."""

    def __init__(self) -> None:
        self._created = datetime.now(UTC)
        self._changed = self._created
        self._started: datetime | None = None
        self._ended: datetime | None = None
        self._run_started: datetime | None = None
        self._billable_seconds = 0.0
        self._stopping = False
        self._transitions: list[dict[str, Any]] = []
        self.enter("Starting")

    @property
    def secondary(self) -> str:
        """The current secondary status."""
        return str(self._transitions[-1]["Status"])

    @property
    def primary(self) -> str:
        """The current TrainingJobStatus."""
        # Uploading after a stop is part of stopping.
        return ENDS.get(self.secondary, "Stopping" if self._stopping else "InProgress")

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.secondary in ENDS

    def enter(self, status: str) -> None:
        """Go to the next secondary status."""
        now = datetime.now(UTC)
        if self._transitions:
            self._transitions[-1]["EndTime"] = now
        self._transitions.append({"Status": status, "StartTime": now})
        self._changed = now
        self._stopping = self._stopping or status == "Stopping"
        if status == "Downloading":
            self._started = self._started or now
            self._run_started = now
        elif self._run_started is not None and (status == "Interrupted" or status in ENDS):
            self._billable_seconds += (now - self._run_started).total_seconds()
            self._run_started = None
        if status in ENDS:
            self._transitions[-1]["EndTime"] = now
            self._ended = now

    def seconds_since_end(self) -> float | None:
        """Seconds since the status became final; None while it is not."""
        return None if self._ended is None else (datetime.now(UTC) - self._ended).total_seconds()

    def run_seconds(self) -> float:
        """Seconds on training instances so far, without the time between two spot instances."""
        running = (datetime.now(UTC) - self._run_started).total_seconds() if self._run_started else 0.0
        return self._billable_seconds + running

    def total_seconds(self) -> float:
        """Seconds since the job was created."""
        return (datetime.now(UTC) - self._created).total_seconds()

    def pending_seconds(self) -> float:
        """Seconds for which it has been waiting for an instance; 0 when it is not."""
        return (datetime.now(UTC) - self._changed).total_seconds() if self.secondary == "Pending" else 0.0

    def describe(self) -> dict[str, Any]:
        """The members of DescribeTrainingJob's answer that tell status and times; times are datetimes."""
        answer: dict[str, Any] = {
            "TrainingJobStatus": self.primary,
            "SecondaryStatus": self.secondary,
            "SecondaryStatusTransitions": [dict(transition) for transition in self._transitions],
            "CreationTime": self._created,
            "LastModifiedTime": self._changed,
        }
        if self._started:
            answer["TrainingStartTime"] = self._started
        if self._started and self._ended:
            answer["TrainingEndTime"] = self._ended
            answer["TrainingTimeInSeconds"] = math.ceil((self._ended - self._started).total_seconds())
            answer["BillableTimeInSeconds"] = math.ceil(self._billable_seconds)
        return answer
