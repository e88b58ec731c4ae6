"""The decoder: queries attend to one another and to the image, and refine their boxes layer by layer.

Queries come sequence first here, and attention on a CPU is PyTorch's unfused one. That is the reference's order of
arithmetic: on the same processor, the two are equal to the bit.

Shape suffixes: B images, Q queries (denoising ones first), S tokens of all scales, L scales, D d_model, C classes, 4 is
cxcywh in 0..1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training_code.dino.boxes import inverse_sigmoid
from training_code.dino.deformable_attention import DeformableAttention
from training_code.dino.mlp import MLP
from training_code.dino.position_encoding import encode_boxes
from training_code.dino.precision import at_least_fp32
from training_code.dino.scales import Scales
from training_code.model_config import ModelConfig


class DecoderLayer(nn.Module):
    """Self-attention (norm2), deformable cross-attention (norm1), feed-forward (norm3): the checkpoints' numbering."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d = config.d_model
        self.self_attn = nn.MultiheadAttention(d, config.num_heads)
        self.norm2 = nn.LayerNorm(d)
        self.cross_attn = DeformableAttention(
            d_model=d, num_heads=config.num_heads, num_levels=config.num_levels, num_points=config.num_points
        )
        self.norm1 = nn.LayerNorm(d)
        self.linear1 = nn.Linear(d, config.feedforward_dim)
        self.linear2 = nn.Linear(config.feedforward_dim, d)
        self.norm3 = nn.LayerNorm(d)

    def forward(
        self,
        query_QBD: Tensor,
        position_QBD: Tensor,
        *,
        reference_QBL4: Tensor,
        memory_BSD: Tensor,
        scales: Scales,
        blocked_QQ: Tensor | None,
    ) -> Tensor:
        """-> (Q, B, D). `blocked_QQ` is True where a query (row) must not see another (column)."""
        placed_QBD = query_QBD + position_QBD
        attended_QBD, _ = self.self_attn(
            placed_QBD,
            placed_QBD,
            query_QBD,
            attn_mask=blocked_QQ,
            need_weights=query_QBD.device.type == "cpu",  # without, PyTorch uses its fused attention
        )
        query_QBD = self.norm2(query_QBD + attended_QBD)
        sampled_BQD = self.cross_attn(
            (query_QBD + position_QBD).transpose(0, 1), reference_QBL4.transpose(0, 1), memory_BSD, scales
        )
        query_QBD = self.norm1(query_QBD + sampled_BQD.transpose(0, 1))
        out_QBD: Tensor = self.norm3(query_QBD + self.linear2(functional.relu(self.linear1(query_QBD))))
        return out_QBD


class Decoder(nn.Module):
    """Decoder layers with iterative box refinement (paper sections 3.1 and 3.5).

    The model hands in the prediction heads with `share_heads`: official checkpoints list them below the decoder too.
    """

    class_embed: nn.ModuleList
    bbox_embed: nn.ModuleList

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.d_model = config.d_model
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.ref_point_head = MLP(
            input_dim=2 * config.d_model, hidden_dim=config.d_model, output_dim=config.d_model, num_layers=2
        )

    def share_heads(self, class_embed: nn.ModuleList, bbox_embed: nn.ModuleList) -> None:
        """Take the prediction heads, one a layer."""
        self.class_embed, self.bbox_embed = class_embed, bbox_embed

    def forward(
        self,
        query_BQD: Tensor,
        reference_BQ4: Tensor,
        *,
        memory_BSD: Tensor,
        scales: Scales,
        blocked_QQ: Tensor | None,
    ) -> list[tuple[Tensor, Tensor]]:
        """-> for each layer the logits (B, Q, C) and the boxes (B, Q, 4) that it predicts.

        Look forward twice: the boxes that a prediction refines keep their gradient to the layer before, while the
        layer itself works on a detached copy. Refinement uses the queries before the final norm, predictions after it.
        """
        query_QBD, reference_QB4 = query_BQD.transpose(0, 1), reference_BQ4.transpose(0, 1)
        kept_QB4 = reference_QB4
        ratio_BL4 = torch.cat([scales.valid_ratio, scales.valid_ratio], dim=-1)
        predictions = []
        for number, layer in enumerate(self.layers):
            reference_QBL4 = reference_QB4[:, :, None] * ratio_BL4
            position_QBD = self.ref_point_head(encode_boxes(reference_QBL4[:, :, 0], d_model=self.d_model))
            query_QBD = layer(
                query_QBD,
                position_QBD,
                reference_QBL4=reference_QBL4,
                memory_BSD=memory_BSD,
                scales=scales,
                blocked_QQ=blocked_QQ,
            )
            normed_BQD = self.norm(query_QBD).transpose(0, 1)
            logits_BQC = at_least_fp32(self.class_embed[number](normed_BQD))
            boxes_BQ4 = _refine(kept_QB4.transpose(0, 1), self.bbox_embed[number](normed_BQD))
            predictions.append((logits_BQC, boxes_BQ4))
            if number + 1 < len(self.layers):
                kept_QB4 = _refine(reference_QB4, self.bbox_embed[number](query_QBD))
                reference_QB4 = kept_QB4.detach()
        return predictions


def _refine(reference: Tensor, delta: Tensor) -> Tensor:
    """Boxes (..., 4) in 0..1 moved by a head's output (..., 4), in the logits' space and at least fp32."""
    return (at_least_fp32(delta) + inverse_sigmoid(reference)).sigmoid()
