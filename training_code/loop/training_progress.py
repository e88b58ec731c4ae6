"""How far a training has come, over all starts of its job: what a checkpoint holds besides the weights."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch

COLUMNS = ("step", "epoch", "loss", "loss_class", "loss_bbox", "loss_giou", "grad_norm", "lr", "seconds")
"""Of each update: its number and epoch, from 1; the weighted sum of all losses, and the last decoder layer's parts; the
gradient's norm before clipping; the learning rate; seconds of training up to here."""

DETAILS = {"f1_curve", "classes"}
"""Figures of an evaluation that are kept for the best one only."""


class TrainingProgress:
    """Updates with their figures, evaluations and seconds."""

    def __init__(self) -> None:
        self.evaluations: list[dict[str, Any]] = []
        """Of each: epoch, step, seconds of training up to its end, mean_f1, and the figures of
        evaluation.metrics.evaluate, but for DETAILS."""
        self._updates: list[list[float]] = []  # COLUMNS
        self._seconds_before = 0.0
        self._start = time.monotonic()

    @property
    def step(self) -> int:
        """Updates so far."""
        return len(self._updates)

    @property
    def losses(self) -> list[float]:
        """Of every update."""
        return [row[COLUMNS.index("loss")] for row in self._updates]

    @property
    def seconds(self) -> float:
        """Of training so far."""
        return self._seconds_before + time.monotonic() - self._start

    def add(self, figures: Mapping[str, float], *, epoch: int, seconds: float) -> None:
        """Count an update of `epoch` (from 1) with its figures, which ended after so many seconds of training."""
        row = {**figures, "step": self.step + 1, "epoch": epoch, "seconds": seconds}
        self._updates.append([float(row[name]) for name in COLUMNS])

    def add_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Count an evaluation, with its epoch."""
        self.evaluations.append({key: value for key, value in evaluation.items() if key not in DETAILS})

    def history(self) -> Iterator[str]:
        """The lines of history.jsonl: one JSON object an update."""
        for row in self._updates:
            values = dict(zip(COLUMNS, row, strict=True))
            yield json.dumps(values | {"step": int(values["step"]), "epoch": int(values["epoch"])})

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "history": torch.tensor(self._updates, dtype=torch.float64).reshape(-1, len(COLUMNS)),
            "evaluations": json.dumps(self.evaluations),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what state() gave."""
        self._updates, self._seconds_before = state["history"].tolist(), state["seconds"]
        self.evaluations = json.loads(state["evaluations"])
