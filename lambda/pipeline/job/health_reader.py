"""Reads the trainer's health.json, from a checkpoint folder or an artifact: input from outside, so it is checked."""

import json
import math
from dataclasses import dataclass

from dataset_contract.sanitise import sanitise

HEALTH_FILE = "health.json"
MAX_HEALTH_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHealth:
    """What the trainer says about a stage, by the criteria of training_code/job/health.py."""

    status: str
    """"healthy", "undecided" (too short so far) or "unhealthy"."""
    steps: int
    seconds: float
    """Time in training, over all restarts."""
    passed: tuple[str, ...]
    """The checks that passed, by name."""
    passed_messages: tuple[str, ...]
    failed_messages: tuple[str, ...]


def read_health(content: bytes) -> StageHealth | None:
    """What health.json says; None if it is not what the trainer writes."""
    try:
        health = json.loads(content)
        checks = {
            str(name): (check["passed"] is True, sanitise(check["message"])) for name, check in health["checks"].items()
        }
        status, steps, seconds = health["status"], health["steps"], health["seconds"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    numbers = all(isinstance(value, int | float) and math.isfinite(value) and value >= 0 for value in (steps, seconds))
    if status not in ("healthy", "undecided", "unhealthy") or not numbers:
        return None
    return StageHealth(
        status=status,
        steps=int(steps),
        seconds=float(seconds),
        passed=tuple(name for name, (passed, _) in checks.items() if passed),
        passed_messages=tuple(message for passed, message in checks.values() if passed),
        failed_messages=tuple(message for passed, message in checks.values() if not passed),
    )
