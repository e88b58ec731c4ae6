"""What one update did: figures that are still being computed when it is queued, and are read a step later."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from training_code.dino.host_data import HostCopy


class StepFigures(NamedTuple):
    """What one update did, averaged over all processes."""

    loss: float
    loss_class: float
    loss_bbox: float
    loss_giou: float
    grad_norm: float
    lr: float
    stop: bool
    """Whether any process was asked to stop."""


class NonFiniteStepError(Exception):
    """The loss or gradient is not finite; raised in every process, whose weights are those before the update."""

    def __init__(self, *, own_loss_is_finite: bool) -> None:
        super().__init__()
        self.own_loss_is_finite = own_loss_is_finite


class PendingFigures:
    """Figures of an update that is queued, on their way to the host."""

    def __init__(self, step: int, lr: float, own_loss_1: Tensor, means_6: Tensor, skipped: Tensor) -> None:
        """`own_loss_1` is this process's, `means_6` are those of all: the four losses, gradient norm and stop flag.

        `skipped` () is 1 if update number `step` or one before it was not finite.
        """
        self.step = step
        self._lr = lr
        self._copy = HostCopy(torch.cat([own_loss_1, means_6, skipped[None]]))

    @property
    def skipped(self) -> bool:
        """Whether the update changed nothing. Waits for the device if that is not there yet."""
        return self._copy.numbers()[-1] != 0

    def read(self) -> StepFigures:
        """The figures. Waits for the device if it is not there yet; after the next step's matching it is.

        Raises:
            NonFiniteStepError: this update or one before it was not finite, and changed nothing.
        """
        own_loss, loss, loss_class, loss_bbox, loss_giou, grad_norm, stop, skipped = self._copy.numbers()
        if skipped:
            raise NonFiniteStepError(own_loss_is_finite=math.isfinite(own_loss))
        return StepFigures(loss, loss_class, loss_bbox, loss_giou, grad_norm, self._lr, stop > 0)
