"""Frozen norms as part of their convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training_code.dino.resnet import FrozenBatchNorm2d, normed


def filled() -> tuple[nn.Conv2d, FrozenBatchNorm2d]:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False).double(), FrozenBatchNorm2d(4)
    with torch.no_grad():
        for buffer in norm.buffers():
            buffer.uniform_(0.5, 2)
    return conv, norm.double()


def expected(conv: nn.Conv2d, norm: FrozenBatchNorm2d, x: Tensor) -> Tensor:
    return nn.functional.batch_norm(conv(x), norm.running_mean, norm.running_var, norm.weight, norm.bias)


def test_a_frozen_norm_is_batch_norm_with_constant_statistics_forwards_and_backwards() -> None:
    conv, norm = filled()
    x = torch.randn(2, 3, 7, 9, dtype=torch.float64, requires_grad=True)
    gradients = []
    for out in (normed(conv, norm, x), expected(conv, norm, x)):
        gradients.append([out, *torch.autograd.grad(out.square().sum(), [x, conv.weight])])
    torch.testing.assert_close(*gradients, atol=1e-12, rtol=1e-12)


def test_its_constants_follow_every_change_of_its_buffers() -> None:
    conv, norm = filled()
    x = torch.randn(1, 3, 5, 5, dtype=torch.float64)
    with torch.inference_mode():
        before = normed(conv, norm, x)
    assert norm.constants(torch.float64)[0] is norm.constants(torch.float64)[0]
    norm.load_state_dict({name: buffer + 1 for name, buffer in norm.state_dict().items()})
    after = normed(conv, norm, x)
    torch.testing.assert_close(after, expected(conv, norm, x))
    assert not torch.allclose(before, after)
    torch.autograd.backward(after.sum())
    assert norm.float().constants(torch.float32)[0].dtype == torch.float32
