"""How far a training has come, over all starts of its job: what a checkpoint holds besides the weights."""

import json
import time
from collections.abc import Mapping
from typing import Any

from training_code.job.history import History

DETAILS = {"f1_curve", "classes"}
"""Of an evaluation: what metrics.json tells of the last one only."""


class TrainingProgress:
    """Updates, seconds, figures and evaluations so far."""

    def __init__(self) -> None:
        self.step = 0
        self.history = History()
        self.evaluations: list[dict[str, Any]] = []
        """Epoch, step and, in the first process, the figures of evaluation.metrics.evaluate."""
        self._seconds_before = 0.0
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Of training so far."""
        return self._seconds_before + time.monotonic() - self._start

    def add(self, figures: Mapping[str, float], *, epoch: int) -> None:
        """Count an update of `epoch` (from 1) with its figures."""
        self.step += 1
        self.history.add({**figures, "step": self.step, "epoch": epoch, "seconds": self.seconds})

    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json: the last evaluation, and the earlier ones without their details."""
        *earlier, last = self.evaluations
        shortened = [{key: value for key, value in each.items() if key not in DETAILS} for each in earlier]
        return last | {"earlier": shortened}

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "history": self.history.rows(),
            "evaluations": json.dumps(self.evaluations),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what state() gave."""
        self.step, self._seconds_before = state["step"], state["seconds"]
        self.history = History(state["history"])
        self.evaluations = json.loads(state["evaluations"])
