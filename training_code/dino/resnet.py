"""The bottleneck ResNet (arXiv 1512.03385) that DINO's features come from, with torchvision's parameter names.

Shape suffixes: B images, 3 colours, C channels, H and W rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from training_code.dino.precision import type_of_autocast
from training_code.model_config import BACKBONE_GROUPS, ModelConfig

EXPANSION = 4
"""A bottleneck block's output has four times its width."""


class FrozenBatchNorm2d(nn.Module):
    """Batch norm whose statistics and affine parameters are constants, as detectors with small batches use it."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

        self._made_from: list[tuple[Tensor, int]] = []
        self._constants: dict[torch.dtype, tuple[Tensor, Tensor]] = {}

    def constants(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """What a feature map is multiplied by (C, 1, 1, 1), and what is then added (C,), in `dtype`.

        Kept until a buffer is replaced or written to, as by load_state_dict().
        """
        made_from = [(buffer, buffer._version) for buffer in self.buffers()]
        if [(id(x), n) for x, n in made_from] != [(id(x), n) for x, n in self._made_from]:
            self._made_from, self._constants = made_from, {}
        if dtype not in self._constants:
            with torch.inference_mode(False), torch.no_grad():  # else training could not use them
                scale_C = self.weight * torch.rsqrt(self.running_var + 1e-5)
                shift_C = self.bias - self.running_mean * scale_C
                self._constants[dtype] = scale_C.view(-1, 1, 1, 1), shift_C.to(dtype)
        return self._constants[dtype]


def normed(conv: nn.Conv2d, norm: nn.Module, x_BCHW: Tensor) -> Tensor:
    """A convolution and its norm; a frozen one is part of the convolution, and costs the feature map nothing."""
    if not isinstance(norm, FrozenBatchNorm2d):
        out_BCHW: Tensor = norm(conv(x_BCHW))
        return out_BCHW
    dtype = type_of_autocast(x_BCHW)
    scale, shift = norm.constants(dtype)
    return functional.conv2d(x_BCHW, _scaled(conv.weight, scale, dtype), shift, conv.stride, conv.padding)


def _scaled(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    if weight.dtype == dtype:
        return weight * scale
    scaled: Tensor = _Scaled.apply(weight, scale, dtype)  # type: ignore[no-untyped-call]  # PyTorch types none
    return scaled


class _Scaled(torch.autograd.Function):
    """A weight times a constant, in another type: one operation each way, where autocast would need two."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(scale)
        return torch.mul(weight, scale, out=torch.empty_like(weight, dtype=dtype))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (scale,) = ctx.saved_tensors
        return grad * scale, None, None


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut; the stride sits on the 3x3 (ResNet v1.5)."""

    def __init__(self, channels: int, width: int, *, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        out = width * EXPANSION
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = norm(out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride=stride, bias=False), norm(out))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        shortcut = x_BCHW
        if self.downsample is not None:
            conv, norm = self.downsample
            shortcut = normed(cast("nn.Conv2d", conv), norm, x_BCHW)
        y_BCHW = functional.relu(normed(self.conv1, self.bn1, x_BCHW), inplace=True)
        y_BCHW = functional.relu(normed(self.conv2, self.bn2, y_BCHW), inplace=True)
        return functional.relu(normed(self.conv3, self.bn3, y_BCHW) + shortcut, inplace=True)


class ResNet(nn.Module):
    """Images (B, 3, H, W) -> [C3, C4, C5] of strides 8, 16, 32 with 8, 16, 32 times `backbone_width` channels."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        norm = FrozenBatchNorm2d if config.backbone_norm == "frozen_batch_norm" else _group_norm
        width = config.backbone_width
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(width)
        stages = []
        channels = width
        for stage, blocks in enumerate(config.backbone_blocks):
            stage_width = width * 2**stage
            layers = []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(Bottleneck(channels, stage_width, stride=stride, norm=norm))
                channels = stage_width * EXPANSION
            stages.append(nn.Sequential(*layers))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.channels = [width * EXPANSION * 2**stage for stage in (1, 2, 3)]
        self._initialise()
        if config.freeze_stem:
            for module in (self.conv1, self.bn1, self.layer1):
                module.requires_grad_(False)

    def forward(self, images_B3HW: Tensor) -> list[Tensor]:
        x = functional.relu(normed(self.conv1, self.bn1, images_B3HW), inplace=True)
        x = self.layer1(functional.max_pool2d(x, 3, stride=2, padding=1))
        c3 = self.layer2(x)
        c4 = self.layer3(c3)
        return [c3, c4, self.layer4(c4)]

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            # A block that starts as its shortcut learns faster from scratch (arXiv 1706.02677, section 5.1).
            if isinstance(module, Bottleneck) and isinstance(module.bn3, nn.GroupNorm):
                nn.init.zeros_(module.bn3.weight)


def _group_norm(channels: int) -> nn.Module:
    return nn.GroupNorm(BACKBONE_GROUPS, channels)
