"""The types of what goes into the model beside images and of what comes out of it.

Shape suffixes: B images, N matching queries, P denoising queries, C classes, 4 is cxcywh in shares of the image.
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
    """One layer's answer."""

    pred_logits: Tensor
    """(B, N, C)."""
    pred_boxes: Tensor
    """(B, N, 4)."""


class DenoisingOutputs(Prediction):
    """The answers to the denoising queries: of the last decoder layer, and of the others."""

    aux_outputs: list[Prediction]
    queries: DenoisingQueries


class Outputs(Prediction):
    """The last decoder layer's answer, the other layers' and the encoder's own."""

    aux_outputs: list[Prediction]
    interm_outputs: Prediction
    dn_outputs: NotRequired[DenoisingOutputs]
    """Only in training with targets that hold at least one box, and dn_number above 0."""
