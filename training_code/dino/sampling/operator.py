"""The operator that deformable attention calls, and what differentiates it.

It keeps values, locations and weights for the backward pass, not the samples: at 800x1333 these would be ten times as
much. Both passes are hand-written, so that an implementation is two functions; choice.py says which are used.

Shape suffixes: B images, Q queries, S tokens of all scales, M heads, E features of a head, D is M E, L scales, K
points, 2 is x, y.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from training_code.dino.sampling.choice import implementation


@torch.library.custom_op("floorplan_dino::sample", mutates_args=())
def sample(value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]) -> Tensor:
    """The weighted sum of bilinear samples of all scales -> (B, Q, D), in the values' type.

    Locations are in 0..1 with pixel centres at (i + 0.5) / size; outside a scale the value is zero. `sizes` are rows
    and columns of each scale in turn. Sums are made in the type of the weights: fp32, or fp64 where the model is.
    """
    summed_BQD = implementation(value_BSME.device).sample(value_BSME, location_BQMLK2, weight_BQMLK, list(sizes))
    return summed_BQD.to(value_BSME.dtype)


@torch.library.custom_op("floorplan_dino::sample_backward", mutates_args=())
def sample_backward(
    grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of values, locations and weights, each in its input's type."""
    backward = implementation(value_BSME.device).sample_backward
    return backward(grad_BQD, value_BSME, location_BQMLK2, weight_BQMLK, list(sizes))


@sample.register_fake
def _(value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]) -> Tensor:
    b, q = weight_BQMLK.shape[:2]
    return value_BSME.new_empty(b, q, value_BSME.shape[2] * value_BSME.shape[3])


@sample_backward.register_fake
def _(
    grad_BQD: Tensor, value_BSME: Tensor, location_BQMLK2: Tensor, weight_BQMLK: Tensor, sizes: Sequence[int]
) -> tuple[Tensor, Tensor, Tensor]:
    inputs = (value_BSME, location_BQMLK2, weight_BQMLK)
    return tuple(torch.empty_like(x, memory_format=torch.contiguous_format) for x in inputs)  # type: ignore[return-value]


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, Sequence[int]], output: Tensor) -> None:  # noqa: ANN401
    *tensors, ctx.sizes = inputs
    ctx.save_for_backward(*tensors)


def _differentiate(ctx: Any, grad_BQD: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # noqa: ANN401
    return (*sample_backward(grad_BQD, *ctx.saved_tensors, ctx.sizes), None)


sample.register_autograd(_differentiate, setup_context=_keep)
