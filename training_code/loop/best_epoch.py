"""Keeps the epoch that validates best, which is the one to ship: its figures, and its weights on the CPU."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from prediction.torch_model import weights_by_name
from training_code.dino.model import DINO


def mean_f1(metrics: Mapping[str, Any], classes: Sequence[str]) -> float:
    """The mean F1 of `classes`, or of all where none of these has a box; `metrics` as evaluate() gives them."""
    known = {name: figures["f1"] for name, figures in metrics["classes"].items() if figures["f1"] is not None}
    chosen = [known[name] for name in classes if name in known] or list(known.values())
    return float(sum(chosen) / len(chosen)) if chosen else 0.0


class BestEpoch:
    """The evaluation with the highest mean F1, of equal ones the one with the higher AP, of these the last."""

    def __init__(self) -> None:
        self.evaluation: dict[str, Any] | None = None
        """Its figures, with `epoch` and `mean_f1`; None before the first one."""
        self._weights: dict[str, Tensor] = {}

    def offer(self, evaluation: dict[str, Any], model: DINO) -> None:
        """Keep `evaluation` and the weights of `model` unless those kept are better."""
        if self.evaluation is not None and _rank(evaluation) < _rank(self.evaluation):
            return
        self.evaluation = evaluation
        self._weights = {
            name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, tensor in weights_by_name(model).items()
        }

    def load_into(self, model: DINO) -> None:
        """Give `model` the weights of the best epoch."""
        model.load_state_dict(self._weights, strict=False)  # not strict: a shared tensor has several names there

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"best_evaluation": json.dumps(self.evaluation), "best_weights": self._weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what state() gave."""
        self.evaluation, self._weights = json.loads(state["best_evaluation"]), state["best_weights"]


def _rank(evaluation: Mapping[str, Any]) -> tuple[float, float]:
    return evaluation["mean_f1"], evaluation["ap"]
