"""Judges the health of a training: no error for a while, no NaN, enough memory, a falling loss."""

import statistics
from collections.abc import Sequence
from typing import Any

WINDOW = 20
"""Steps at the beginning and at the end whose median losses are compared."""

JUDGED_STEPS = 2 * WINDOW
"""Steps after which a running job is judged for the first time, if it has also lasted long enough."""


def judge_health(
    losses: Sequence[float], *, seconds: float, needed_minutes: float, failure: str | None = None
) -> dict[str, Any]:
    """The content of health.json: the status "healthy", "undecided" (too short so far) or "unhealthy", and each check.

    `failure` is the code of what ended the training, such as OOM.
    """
    checks = {
        "no_error": _check(failure is None, "No error ended the run.", f"The run ended with {failure}."),
        "no_nan": _check(failure != "NAN_LOSS", "Every loss was finite.", "A loss was not finite."),
        "no_oom": _check(failure != "OOM", "There was enough memory.", "There was not enough memory."),
        "duration": _check(
            seconds >= needed_minutes * 60,
            f"It trained for {seconds / 60:.1f} minutes.",
            f"It trained for {seconds / 60:.1f} minutes only; {needed_minutes:g} are needed to judge it.",
        ),
        "loss_falls": _falling(losses),
    }
    failed = [name for name, check in checks.items() if not check["passed"]]
    status = "healthy" if not failed else "undecided" if failed == ["duration"] else "unhealthy"
    return {"status": status, "steps": len(losses), "seconds": round(seconds, 1), "checks": checks}


def _falling(losses: Sequence[float]) -> dict[str, Any]:
    window = max(1, min(WINDOW, len(losses) // 2))
    if len(losses) < 2:
        return _check(False, "", "There are too few steps to tell whether the loss falls.")
    first, last = statistics.median(losses[:window]), statistics.median(losses[-window:])
    figures = f"from {first:.4g} to {last:.4g} (medians of the first and the last {window} steps)"
    return _check(last < first, f"The loss fell {figures}.", f"The loss did not fall: {figures}.")


def _check(passed: bool, good: str, bad: str) -> dict[str, Any]:
    return {"passed": passed, "message": good if passed else bad}
