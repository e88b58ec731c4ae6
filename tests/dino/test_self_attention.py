"""The decoder's self-attention against PyTorch's module of the same weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training_code.dino.denoising import attention_mask
from training_code.dino.self_attention import attend


@pytest.mark.parametrize("masked", [False, True])
def test_it_gives_what_multihead_attention_does_forwards_and_backwards(masked: bool) -> None:
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(16, 4, batch_first=True).double()
    nn.init.normal_(attention.in_proj_bias)
    placed, query = (torch.randn(2, 11, 16, dtype=torch.float64, requires_grad=True) for _ in range(2))
    blocked = attention_mask(2, 2, 3, torch.device("cpu")) if masked else None
    bias = torch.zeros(11, 11, dtype=torch.float64).masked_fill(blocked, -torch.inf) if blocked is not None else None
    right, _ = attention(placed, placed, query, attn_mask=blocked, need_weights=True)
    leaves = [placed, query, *attention.parameters()]
    found = attend(attention, placed, query, bias)
    for one, other in zip(
        (found, *torch.autograd.grad(found.square().sum(), leaves)),
        (right, *torch.autograd.grad(right.square().sum(), leaves)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=1e-12)
