"""The types of the model's targets and outputs.

Shapes: B images, n boxes of one, N matching and P denoising queries, C classes, 4 is cxcywh in shares of the image.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from torch import Tensor

from training_code.dino.denoising import DenoisingQueries


class Target(TypedDict):
    """What one image holds."""

    labels: Tensor
    """(n,) int64 category ids."""
    boxes: Tensor
    """(n, 4) cxcywh in shares of the unpadded image's width and height."""


class Prediction(TypedDict):
    """One layer's prediction."""

    pred_logits: Tensor
    """(B, N, C)."""
    pred_boxes: Tensor
    """(B, N, 4)."""


class DenoisingOutputs(Prediction):
    """The denoising queries, and what the last decoder layer and the others predict for them."""

    aux_outputs: list[Prediction]
    queries: DenoisingQueries


class Outputs(Prediction):
    """The last decoder layer's prediction, the other layers' and the encoder's."""

    aux_outputs: list[Prediction]
    interm_outputs: Prediction
    dn_outputs: NotRequired[DenoisingOutputs]
    """Only in training with targets that hold at least one box, and dn_number above 0."""
