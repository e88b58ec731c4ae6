"""Reads the trainer's health.json, from a checkpoint folder or an artifact: input from outside, so it is checked."""

from dataclasses import dataclass
from io import BytesIO

from dataset_contract.bounded_json import JsonError, read_json
from dataset_contract.sanitise import sanitise

HEALTH_FILE = "health.json"
MAX_HEALTH_BYTES = 20_000
"""The trainer writes some 800."""
_MOST_CHECKS = 20
_LONGEST_NAME, _LONGEST_MESSAGE = 64, 300
"""Characters. Messages become sentences of the state, which Step Functions limits to 256 KB."""
_MOST = 10**9
"""Steps or seconds."""


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
        health = read_json(BytesIO(content), most=MAX_HEALTH_BYTES)
        checks = {
            sanitise(name, longest=_LONGEST_NAME): (
                check["passed"] is True,
                sanitise(check["message"], longest=_LONGEST_MESSAGE),
            )
            for name, check in health["checks"].items()
        }
        status, steps, seconds = health["status"], health["steps"], health["seconds"]
    except (JsonError, KeyError, TypeError, AttributeError):
        return None
    numbers = all(type(value) in (int, float) and 0 <= value <= _MOST for value in (steps, seconds))
    if status not in ("healthy", "undecided", "unhealthy") or not numbers or len(checks) > _MOST_CHECKS:
        return None
    return StageHealth(
        status=status,
        steps=int(steps),
        seconds=float(seconds),
        passed=tuple(name for name, (passed, _) in checks.items() if passed),
        passed_messages=tuple(message for passed, message in checks.values() if passed),
        failed_messages=tuple(message for passed, message in checks.values() if not passed),
    )
