"""Joins the ResNet with the projections that bring its scales to the transformer's width (paper section 3.2).

Shape suffixes: B images, 3 colours, D d_model, H and W rows and columns; lists run over the L scales, finest first.
"""

from __future__ import annotations

from torch import Tensor, nn

from training_code.dino.resnet import ResNet
from training_code.model_config import GROUP_NORM_GROUPS, ModelConfig


class Backbone(nn.Module):
    """Holds the ResNet as `body`, where official checkpoints keep it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.body = ResNet(config)

    def forward(self, images_B3HW: Tensor) -> list[Tensor]:
        """(B, 3, H, W) -> C3, C4, C5."""
        features: list[Tensor] = self.body(images_B3HW)
        return features


class InputProjections(nn.ModuleList):
    """One convolution and group norm a scale: C3..C5 by 1x1; further scales halve C5, then one another, by 3x3."""

    def __init__(self, config: ModelConfig, channels: list[int]) -> None:
        projections: list[nn.Module] = []
        for level in range(config.num_levels):
            if level < len(channels):
                conv = nn.Conv2d(channels[level], config.d_model, 1)
            else:
                inputs = channels[-1] if level == len(channels) else config.d_model
                conv = nn.Conv2d(inputs, config.d_model, 3, stride=2, padding=1)
            nn.init.xavier_uniform_(conv.weight)
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)
            projections.append(nn.Sequential(conv, nn.GroupNorm(GROUP_NORM_GROUPS, config.d_model)))
        super().__init__(projections)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """[C3, C4, C5] -> `num_levels` maps (B, D, H, W)."""
        maps_BDHW: list[Tensor] = []
        for level, projection in enumerate(self):
            if level < len(features):
                source = features[level]
            else:
                source = features[-1] if level == len(features) else maps_BDHW[-1]
            maps_BDHW.append(projection(source))
        return maps_BDHW
