"""Multi-scale deformable attention (Deformable DETR, arXiv 2010.04159, section 4.1).

Shape suffixes: B images, Q queries, S tokens of all scales, D d_model, M heads, L scales, K points, E features of a
head (D / M), P is L K flattened, N is B Q M flattened, R is 2 (x, y) or 4 (x, y, w, h), 2 is x, y; x is other axes, as
L K 2 flattened.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from training_code.dino.exported_attention import attend_exported
from training_code.dino.precision import at_least_fp32
from training_code.dino.sampling.operator import sample
from training_code.dino.scales import Scales

_REGISTER = 16
"""Numbers in fp32 of an AVX-512 register."""


class DeformableAttention(nn.Module):
    """Each query reads `num_points` points of each scale and head, at locations it chooses around its reference."""

    def __init__(self, *, d_model: int, num_heads: int, num_levels: int, num_points: int) -> None:
        super().__init__()
        self.num_heads, self.num_levels, self.num_points = num_heads, num_levels, num_points
        self.sampling_offsets = nn.Linear(d_model, num_heads * num_levels * num_points * 2)
        self.attention_weights = nn.Linear(d_model, num_heads * num_levels * num_points)
        self.value_proj = nn.Linear(d_model, d_model)
        self.output_proj = nn.Linear(d_model, d_model)
        self.initialise()

    def initialise(self) -> None:
        """Heads look into different directions, each point farther than the one before, all with the same weight."""
        nn.init.zeros_(self.sampling_offsets.weight)
        angle_M = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        ring_M2 = torch.stack([angle_M.cos(), angle_M.sin()], dim=-1)
        ring_M2 = ring_M2 / ring_M2.abs().amax(-1, keepdim=True)
        steps_K = torch.arange(1, self.num_points + 1)
        bias_MLK2 = ring_M2[:, None, None] * steps_K[:, None]
        bias_MLK2 = bias_MLK2.expand(-1, self.num_levels, -1, -1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(bias_MLK2.flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for projection in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, query_BQD: Tensor, reference_BQLR: Tensor, tokens_BSD: Tensor, scales: Scales) -> Tensor:
        """-> (B, Q, D).

        `reference_BQLR` is a point (R = 2) or a box (R = 4) in 0..1 of each padded scale. With a point, offsets count
        in pixels of the scale; with a box, in halves of its width and height over the number of points.
        """
        if torch.onnx.is_in_onnx_export():
            return attend_exported(self, query_BQD, reference_BQLR, tokens_BSD, scales)
        b, q, _ = query_BQD.shape
        m, n, k = self.num_heads, self.num_levels, self.num_points
        value_BSD = self.value_proj(tokens_BSD)
        if scales.padding_BS is not None:
            value_BSD = value_BSD.masked_fill(scales.padding_BS[..., None], 0)
        # Both of what queries decide in one product. Locations in at least fp32: bf16 has 8 bits, an image a thousand
        # pixels.
        projections = (self.sampling_offsets, self.attention_weights)
        weight_xD, bias_x = (torch.cat([getattr(each, name) for each in projections]) for name in ("weight", "bias"))
        decided_BQx = at_least_fp32(functional.linear(query_BQD, weight_xD, bias_x))
        offset_BQx, logit_BQx = torch.split(decided_BQx, [m * n * k * 2, m * n * k], dim=-1)
        weight_BQMLK = softmax_of_points(logit_BQx.reshape(b, q, m, n * k)).view(b, q, m, n, k)
        is_point = reference_BQLR.shape[-1] == 2
        unit_xL2 = scales.pixel_L2 if is_point else reference_BQLR[..., 2:] * (0.5 / k)
        # Repeated for the points: a processor takes one long axis faster than several short ones.
        centre_BQ1x, unit_xx = (
            x[..., None, :].expand(*x.shape[:-1], k, 2).flatten(-3)[..., None, :]
            for x in (reference_BQLR[..., :2], unit_xL2)
        )
        offset_BQMx = offset_BQx.view(b, q, m, n * k * 2)
        location_BQMLK2 = torch.addcmul(centre_BQ1x, offset_BQMx, unit_xx).view(b, q, m, n, k, 2)
        value_BSME = value_BSD.view(b, -1, m, value_BSD.shape[-1] // m)
        sampled_BQD = sample(
            value_BSME,
            location_BQMLK2,
            weight_BQMLK,
            [side for size in scales.sizes for side in size],
        )
        output_BQD: Tensor = self.output_proj(sampled_BQD)
        return output_BQD


def softmax_of_points(logit_BQMP: Tensor) -> Tensor:
    """The softmax of the last axis.

    On a CPU it takes 0.1 us for each row of fewer numbers than a register has, so that columns are eight times as fast.
    """
    if logit_BQMP.device.type != "cpu" or logit_BQMP.shape[-1] >= _REGISTER:
        return logit_BQMP.softmax(-1)
    logit_PN = logit_BQMP.flatten(0, -2).t().contiguous()
    return logit_PN.softmax(0).t().reshape(logit_BQMP.shape)
