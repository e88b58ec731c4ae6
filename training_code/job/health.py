"""Judges the health of a training: no error for a while, no NaN, enough memory, a loss that learns."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

WINDOW = 20
"""Least steps of which a mean is taken."""

JUDGED_STEPS = 2 * WINDOW
"""Steps after which a running job is judged for the first time, if it has also lasted long enough."""

TOLERATED_RISE = 1.2
"""A trained model loses 10 to 15 % when the learning rate goes up again, and wins them back: that is no failure."""

LEAST_FALL = 0.95
"""What the loss of a model that starts from random weights has fallen to by then, or it learns nothing."""

_CLEARLY = 3
"""Standard errors by which two means differ: by chance in one of 700 comparisons."""


def judge_health(
    losses: Sequence[float],
    *,
    seconds: float,
    needed_minutes: float,
    failure: str | None = None,
    from_scratch: bool = False,
) -> dict[str, Any]:
    """The content of health.json: the status "healthy", "undecided" (too short so far) or "unhealthy", and each check.

    `failure` is the code of what ended the training, such as OOM; `from_scratch` tells that weights of the model were
    random at its start, so that a level loss is a high one.
    """
    duration = _check(
        seconds >= needed_minutes * 60,
        f"It trained for {seconds / 60:.1f} minutes.",
        f"It trained for {seconds / 60:.1f} minutes only; {needed_minutes:g} are needed to judge it.",
    )
    learns, message = _judge_loss(losses, from_scratch=from_scratch)
    checks = {
        "no_error": _check(failure is None, "No error ended the run.", f"The run ended with {failure}."),
        "no_nan": _check(failure != "NAN_LOSS", "Every loss was finite.", "A loss or a prediction was not finite."),
        "no_oom": _check(failure != "OOM", "There was enough memory.", "There was not enough memory."),
        "duration": duration,
        "loss": _check(learns is True, message, message),
    }
    open_checks = {"duration"} | ({"loss"} if learns is None else set())
    failed = {name for name, check in checks.items() if not check["passed"]}
    status = "healthy" if not failed else "undecided" if failed <= open_checks else "unhealthy"
    return {"status": status, "steps": len(losses), "seconds": round(seconds, 1), "checks": checks}


def _judge_loss(losses: Sequence[float], *, from_scratch: bool) -> tuple[bool | None, str]:
    """Whether the loss learns, with a sentence; None: its noise does not let it be told yet.

    In logarithms, in which noise is the same at every level; a mean over many steps has little of it left.
    """
    if len(losses) < 2:
        return False, "There are too few steps to tell how the loss goes."
    least = max(max(losses) * 1e-3, 1e-12)  # a loss of 0 has no logarithm
    logs = [math.log(max(loss, least)) for loss in losses]
    # Of neighbours, whose differences a trend hardly changes.
    noise = math.sqrt(sum((b - a) ** 2 for a, b in itertools.pairwise(logs)) / (2 * (len(logs) - 1)))
    window = min(max(WINDOW, len(logs) // 3), len(logs) // 2)
    *earlier, last = [_mean(logs[end - window : end]) for end in range(len(logs), window - 1, -window)][::-1]
    first, lowest, error = _mean(logs[:window]), min(earlier), noise * math.sqrt(2 / window)
    figures = f"from {math.exp(first):.4g} to {math.exp(last):.4g} (means of the first and the last {window} steps)"
    if last - lowest - _CLEARLY * error > math.log(TOLERATED_RISE):
        fell = "" if lowest >= first else f", after it had been at {math.exp(lowest):.4g}"
        return False, f"The loss rose {figures}{fell}."
    start = min(WINDOW, window)  # most of a fall may be that of the first steps
    early_fall = (_mean(logs[:start]) - last) / max(noise * math.sqrt(1 / start + 1 / window), 1e-12)
    fall = (first - last) / max(error, 1e-12)
    if max(fall, early_fall) > _CLEARLY:
        return True, f"The loss fell {figures}."
    if not from_scratch:
        return True, f"The loss is level, as a trained model's is: {figures}."
    precise = 2.5 * error < -math.log(LEAST_FALL)
    if precise and first - last < -math.log(LEAST_FALL) and early_fall < 2:
        return False, f"The loss did not fall: {figures}."
    return None, f"The loss varies too much to tell whether it falls: {figures}."


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _check(passed: bool, good: str, bad: str) -> dict[str, Any]:
    return {"passed": passed, "message": good if passed else bad}
