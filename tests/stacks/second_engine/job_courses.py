"""What a training job in memory goes through: its secondary statuses by the second, its log, its files."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_QUEUED = ((0, "Starting"), (60, "Pending"))
_TRAINING = (*_QUEUED, (180, "Downloading"), (300, "Training"))


@dataclass(frozen=True, kw_only=True)
class Course:
    """`steps`: (seconds since the job's creation, secondary status), the last one until the end."""

    steps: tuple[tuple[int, str], ...]
    reason: str = ""
    """FailureReason."""
    healthy: bool = True
    health_after: int | None = None
    """Seconds until health.json is written beside the checkpoints."""
    silent: tuple[float, float] | None = None
    """Seconds from which on the log is silent, and until when."""
    images_per_second: float = 500.0
    room_f1: float = 0.95
    has_model: bool = True
    """Whether its artifact has one at its end."""

    def is_silent(self, seconds: float) -> bool:
        """Whether the log has no line of that time since the job's creation."""
        return self.silent is not None and self.silent[0] <= seconds < self.silent[1]

    def with_(self, **more: object) -> Course:
        """This one, apart from a few fields."""
        return replace(self, **more)  # type: ignore[arg-type]


GOOD = Course(steps=(*_TRAINING, (3900, "Uploading"), (3960, "Completed")), health_after=900)
INTERRUPTED = GOOD.with_(has_model=False)
UNHEALTHY = Course(steps=_TRAINING, healthy=False, health_after=900)
STALLED = Course(steps=_TRAINING, silent=(600, math.inf))
QUEUED = Course(steps=_QUEUED)
NEVER_STARTED = Course(steps=(*_QUEUED, (285_000, "MaxWaitTimeExceeded")))
NO_CAPACITY = Course(
    steps=(*_QUEUED, (240, "Failed")), reason="CapacityError: Unable to provision requested ML compute capacity."
)
CRASHED = Course(steps=(*_TRAINING, (700, "Failed")), reason="AlgorithmError: OOM: CUDA out of memory")
