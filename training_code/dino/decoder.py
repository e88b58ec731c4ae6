"""The decoder: queries attend to one another and to the image, and refine their boxes layer by layer.

Shape suffixes: B images, Q queries (denoising ones first), S tokens of all scales, L scales, D d_model, C classes, f
frequencies, X layers, 4 is cxcywh in 0..1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training_code.dino.boxes import inverse_sigmoid
from training_code.dino.deformable_attention import DeformableAttention
from training_code.dino.mlp import MLP
from training_code.dino.position_encoding import QUERY_TEMPERATURE, angular_frequencies, encode_boxes
from training_code.dino.precision import at_least_fp32, call_cast, in_autocast_type, type_of_autocast
from training_code.dino.scales import Scales
from training_code.dino.self_attention import attend
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
        query_BQD: Tensor,
        position_BQD: Tensor,
        *,
        reference_BQL4: Tensor,
        memory_BSD: Tensor,
        scales: Scales,
        bias_QQ: Tensor | None,
    ) -> Tensor:
        """-> (B, Q, D). `bias_QQ` is added to the attention of each query (row) to another (column)."""
        attended_BQD = attend(self.self_attn, query_BQD + position_BQD, query_BQD, bias_QQ)
        query_BQD = self.norm2(query_BQD + attended_BQD)
        sampled_BQD = self.cross_attn(query_BQD + position_BQD, reference_BQL4, memory_BSD, scales)
        query_BQD = self.norm1(query_BQD + sampled_BQD)
        out_BQD: Tensor = self.norm3(query_BQD + self.linear2(functional.relu(self.linear1(query_BQD))))
        return out_BQD


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
    ) -> tuple[Tensor, Tensor]:
        """-> the logits (X, B, Q, C) and the boxes (X, B, Q, 4) that each layer predicts.

        `blocked_QQ` is True where a query (row) must not see another (column).

        Look forward twice: the boxes that a prediction refines keep their gradient to the layer before, while the
        layer itself works on a detached copy. Refinement uses the queries before the final norm, predictions after it.
        """
        frequency_f = angular_frequencies(self.d_model // 2, QUERY_TEMPERATURE, reference_BQ4)
        ratio_BL4 = torch.cat([scales.valid_ratio_BL2, scales.valid_ratio_BL2], dim=-1)
        bias_QQ = None
        if blocked_QQ is not None:
            bias_QQ = torch.zeros_like(blocked_QQ, dtype=type_of_autocast(query_BQD)).masked_fill_(
                blocked_QQ, -torch.inf
            )
        memory_BSD = in_autocast_type(memory_BSD)  # once for all layers
        states_BQD: list[Tensor] = []
        kept_BQ4 = [reference_BQ4]
        for number, layer in enumerate(self.layers):
            now_BQ4 = kept_BQ4[-1].detach()
            reference_BQL4 = now_BQ4[:, :, None] * ratio_BL4[:, None]
            position_BQD = self.ref_point_head(encode_boxes(reference_BQL4[:, :, 0], frequency_f))
            query_BQD = call_cast(
                layer,
                query_BQD,
                position_BQD,
                reference_BQL4=reference_BQL4,
                memory_BSD=memory_BSD,
                scales=scales,
                bias_QQ=bias_QQ,
            )
            states_BQD.append(query_BQD)
            if number + 1 < len(self.layers):
                kept_BQ4.append(_refined(self.bbox_embed[number](query_BQD), now_BQ4))
        if torch.onnx.is_in_onnx_export():  # which gives the last layer's prediction only
            states_BQD, kept_BQ4 = states_BQD[-1:], kept_BQ4[-1:]
        # All layers share their heads.
        normed_XBQD = self.norm(torch.stack(states_BQD))
        logits_XBQC = at_least_fp32(self.class_embed[0](normed_XBQD))
        return logits_XBQC, _refined(self.bbox_embed[0](normed_XBQD), torch.stack(kept_BQ4))


def _refined(delta: Tensor, boxes: Tensor) -> Tensor:
    """Boxes (..., 4) in 0..1 moved by a head's output (..., 4), in the logits' space and at least fp32."""
    return (at_least_fp32(delta) + inverse_sigmoid(boxes)).sigmoid()
