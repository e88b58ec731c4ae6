"""F1 by class and epoch as a test tells, in place of what the trainer would measure."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from evaluation.metrics import evaluate
from prediction.torch_model import weights_by_name
from training_code.data.plan_dataset import PlanDataset
from training_code.loop import split_prediction


@dataclass
class ScriptedEvaluation:
    """Takes the place of evaluate() and predict_split() in the trainer: F1 by class and epoch as told.

    SIGTERM comes while the epochs `stop_in` are evaluated, once.
    """

    wall: Sequence[float]
    room: Sequence[float]
    stop_in: set[str] = field(default_factory=set)
    weights: dict[int, dict[str, Tensor]] = field(default_factory=dict)
    """Of the model that was evaluated after each epoch."""
    measured: list[str] = field(default_factory=list)
    """The splits, in order, with the epoch's number: val1, val2, test."""

    def predict_split(self, model: Any, split: PlanDataset, *args: Any, **kwargs: Any) -> Any:
        name = split.folder.name
        epoch = 1 + sum(each.startswith("val") for each in self.measured)
        label = name if name == "test" else f"{name}{epoch}"
        if label in self.stop_in:
            self.stop_in.remove(label)
            os.kill(os.getpid(), signal.SIGTERM)
            return None
        self.measured.append(label)
        if name == "val":
            self.weights[epoch] = {key: value.clone() for key, value in weights_by_name(model).items()}
        return split_prediction.predict_split(model, split, *args, **kwargs)

    def evaluate(self, *args: Any, thresholds_of: Any = None, **kwargs: Any) -> Any:
        metrics = evaluate(*args, thresholds_of=thresholds_of, **kwargs)
        if thresholds_of is None:
            epoch = len([each for each in self.measured if each.startswith("val")])
            metrics["classes"]["wall"]["f1"] = self.wall[epoch - 1]
            metrics["classes"]["room"]["f1"] = self.room[epoch - 1]
        return metrics


Scripted = Callable[[ScriptedEvaluation], ScriptedEvaluation]
