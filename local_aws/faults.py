"""What AWS may do and a test provokes: of SageMaker, of a Lambda function, and what ministack_faults.py has."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections.abc import Callable, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Any

from local_aws.api_errors import ApiError
from local_aws.ministack_faults import MinistackFaults


class Capacity(Enum):
    """Whether AWS has instances of a type, for spot or for on-demand."""

    AVAILABLE = auto()
    NONE = auto()
    PENDING = auto()


class Faults:
    """The faults of one embedded AWS, none at first; each lasts until `clear`, or for a number of calls.

    crashes: the folder with one file for each call in which a function is to be killed; the function's worker reads it.
    switch: tells ministack's process which of its MinistackFaults change.
    """

    def __init__(self, crashes: Path, switch: Callable[[dict[str, Any]], object]) -> None:
        self._crashes = crashes
        self._switch = switch
        self._lock = threading.Lock()
        self._capacity: dict[tuple[str, bool], Capacity] = {}
        self.quota_held_seconds = 0.0
        """For how long the instances of a job that has ended count against its quota."""
        self._refusals: dict[str, list[ApiError]] = {}
        self._cut_uploads = 0
        self._completed_interruptions = 0
        self._start_seconds: Mapping[str, float] = {}

    def no_capacity(self, instance_type: str, *, spot: bool) -> None:
        """Jobs that ask for the type, and for no other that is available, fail with a CapacityError."""
        self._capacity[instance_type, spot] = Capacity.NONE

    def pending(self, instance_type: str, *, spot: bool) -> None:
        """Jobs that ask for the type, and for no other that is available, stay Pending until `clear`."""
        self._capacity[instance_type, spot] = Capacity.PENDING

    def hold_quota(self, seconds: float) -> None:
        """Count the instances of a job against its quota for so long after the job's end, as SageMaker does."""
        self.quota_held_seconds = seconds

    def throttle(self, operation: str, times: int) -> None:
        """Answer the next `times` calls of an operation ("CreateTrainingJob") with a ThrottlingException.

        Only what this package serves, not what ministack does. The SDK tries again by itself, five times by default.
        """
        self.refuse(operation, "ThrottlingException", "Rate exceeded", times)

    def refuse(self, operation: str, code: str, message: str, times: int) -> None:
        """Answer the next `times` calls of an operation with this error."""
        with self._lock:
            self._refusals.setdefault(operation, []).extend([ApiError(code, message)] * times)

    def crash(self, function_name: str, *, work_done: bool, times: int = 1) -> None:
        """Kill the process of a Lambda function (SIGKILL) in each of its next `times` invocations.

        work_done: after the handler's last line, so that all has been done and only the answer is lost; else before
        its first one. Step Functions sees the error Runtime.ExitError.
        """
        for _ in range(times):
            (self._crashes / f"{function_name}.{'after' if work_done else 'before'}.{uuid.uuid4()}").touch()

    def cut_last_upload(self, times: int = 1) -> None:
        """Cut off what the next `times` jobs with checkpoints upload after their SIGTERM, as AWS does 120 s after it.

        Of the first file that they wrote since, half arrives, under its name; of the others nothing.
        """
        with self._lock:
            self._cut_uploads += times

    def complete_when_interrupted(self, times: int = 1) -> None:
        """End the next `times` spot jobs that are interrupted as Completed, if their command then exits with 0."""
        with self._lock:
            self._completed_interruptions += times

    def slow_start(self, seconds: Mapping[str, float]) -> None:
        """Let jobs pass through these statuses before they train, each for so long, until `clear`.

        The statuses: LaunchingMLInstances, PreparingTrainingStack, Downloading, DownloadingTrainingImage; in Training
        the job's command begins only then.
        """
        self._start_seconds = dict(seconds)

    def switch(self, **faults: Any) -> None:  # noqa: ANN401  each field has its own type
        """Switch MinistackFaults on by name, as in switch(lambda_concurrency=10); the others stay as they are."""
        changed = dataclasses.asdict(MinistackFaults(**faults))
        self._switch({name: changed[name] for name in faults})

    def clear(self) -> None:
        """End all faults."""
        self._switch(dataclasses.asdict(MinistackFaults()))
        with self._lock:
            self._refusals.clear()
            self._cut_uploads = self._completed_interruptions = 0
        self._capacity.clear()
        self.quota_held_seconds = 0.0
        self._start_seconds = {}
        for file in self._crashes.iterdir():
            file.unlink(missing_ok=True)

    def capacity(self, instance_type: str, *, spot: bool) -> Capacity:
        """Whether there are instances of a type."""
        return self._capacity.get((instance_type, spot), Capacity.AVAILABLE)

    def start_seconds(self, status: str) -> float | None:
        """How long a job stays in the status before it trains; None: it does not show it, or goes on at once."""
        return self._start_seconds.get(status)

    def cuts_last_upload(self) -> bool:
        """Whether the last upload of the job that asks is cut off."""
        with self._lock:
            due = self._cut_uploads > 0
            self._cut_uploads -= due
        return due

    def completes_when_interrupted(self) -> bool:
        """Whether the interrupted job that asks ends as Completed."""
        with self._lock:
            due = self._completed_interruptions > 0
            self._completed_interruptions -= due
        return due

    def raise_if_due(self, operation: str) -> None:
        """Raise the ApiError with which this call of the operation is to be answered, if any."""
        with self._lock:
            due = self._refusals.get(operation)
            error = due.pop(0) if due else None
        if error is not None:
            raise error
