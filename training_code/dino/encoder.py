"""The deformable transformer encoder: every pixel of every scale gathers from points around itself.

Shape suffixes: B images, S tokens of all scales, L scales, D d_model, 2 is x, y.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from training_code.dino.deformable_attention import DeformableAttention
from training_code.dino.precision import call_cast
from training_code.dino.scales import Scales
from training_code.model_config import ModelConfig


class EncoderLayer(nn.Module):
    """Deformable self-attention and a feed-forward block, each with its residual and post-norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d = config.d_model
        self.self_attn = DeformableAttention(
            d_model=d, num_heads=config.num_heads, num_levels=config.num_levels, num_points=config.num_points
        )
        self.norm1 = nn.LayerNorm(d)
        self.linear1 = nn.Linear(d, config.feedforward_dim)
        self.linear2 = nn.Linear(config.feedforward_dim, d)
        self.norm2 = nn.LayerNorm(d)

    def forward(self, x_BSD: Tensor, position_BSD: Tensor, reference_BSL2: Tensor, scales: Scales) -> Tensor:
        """-> (B, S, D)."""
        attended_BSD = self.self_attn(x_BSD + position_BSD, reference_BSL2, x_BSD, scales)
        x_BSD = self.norm1(x_BSD + attended_BSD)
        out_BSD: Tensor = self.norm2(x_BSD + self.linear2(functional.relu(self.linear1(x_BSD))))
        return out_BSD


class Encoder(nn.Module):
    """A stack of encoder layers (Deformable DETR, arXiv 2010.04159, section 4.2); there is no norm after the last."""

    def __init__(self, config: ModelConfig, *, activation_checkpointing: bool) -> None:
        super().__init__()
        self.activation_checkpointing = activation_checkpointing
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))

    def forward(self, x_BSD: Tensor, position_BSD: Tensor, reference_BSL2: Tensor, scales: Scales) -> Tensor:
        """-> (B, S, D). `reference_BSL2` is what pixel_references() gives."""
        for layer in self.layers:
            if self.activation_checkpointing and self.training:
                x_BSD = checkpoint(call_cast, layer, x_BSD, position_BSD, reference_BSL2, scales, use_reentrant=False)
            else:
                x_BSD = call_cast(layer, x_BSD, position_BSD, reference_BSL2, scales)
        return x_BSD


def pixel_references(scales: Scales) -> Tensor:
    """Where each token is in every padded scale: its position in its image's valid part, times that scale's ratio.

    -> (B, S, L, 2), x and y in 0..1.
    """
    return scales.place_BS2()[:, :, None] * scales.valid_ratio_BL2[:, None]
