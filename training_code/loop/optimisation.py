"""The optimiser's parameter groups, the learning rate's schedule and the moving average of the weights."""

import copy
import math
from collections.abc import Iterable
from fractions import Fraction

import torch
from torch import nn

from training_code.config import TrainingConfig

DROP_AFTER = Fraction(11, 12)
"""The share of the training after which the schedule "step" drops the learning rates: the paper's 11 of 12 epochs."""


def make_optimiser(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW with the backbone at its own learning rate (paper, appendix D); `initial_lr` keeps each group's rate."""
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    backbone = [parameter for name, parameter in named if name.startswith("backbone.")]
    others = [parameter for name, parameter in named if not name.startswith("backbone.")]
    groups = ((others, config.learning_rate), (backbone, config.backbone_learning_rate))
    used = [{"params": group, "lr": rate, "initial_lr": rate} for group, rate in groups if group]
    return torch.optim.AdamW(used, weight_decay=config.weight_decay, fused=True)  # else 10 % of a small model's step


def learning_rate_factor(
    step: int, *, steps: int, steps_per_epoch: int, config: TrainingConfig, early_drop_epoch: int | None = None
) -> float:
    """The factor on the initial learning rates for the update after `step` updates of `steps`.

    `early_drop_epoch` is that of early_stopping.Ending, with the schedule "step" only.
    """
    warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    if config.schedule == "cosine":
        return warmup * 0.5 * (1 + math.cos(math.pi * step / steps))
    drop_epoch = config.lr_drop_epoch if early_drop_epoch is None else early_drop_epoch
    drop = steps * DROP_AFTER if drop_epoch is None else drop_epoch * steps_per_epoch
    return warmup * (0.1 if step >= drop else 1.0)


def set_learning_rate(optimiser: torch.optim.Optimizer, factor: float) -> float:
    """Set every group to `factor` of its initial rate; returns the first group's."""
    for group in optimiser.param_groups:
        group["lr"] = group["initial_lr"] * factor
    return float(optimiser.param_groups[0]["lr"])


class MovingAverage:
    """Exponential moving average of a model's weights, kept in a copy of the model."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, weights: Iterable[nn.Parameter], step: int) -> None:
        """Move towards `weights` after update number `step`; the first updates count more."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.model.parameters()), list(weights), 1 - decay)
