"""Keeps boxes, matching and losses in at least fp32, also inside autocast, and in fp64 where the model is."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_fp32(x: Tensor) -> Tensor:
    """`x` in fp32 if it is fp16 or bf16, else `x` itself.

    fp16 turns a matching cost into infinity from a logit of 9 on, and bf16 places a box of a 1333 pixel image
    only to about 3 pixels.
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))
