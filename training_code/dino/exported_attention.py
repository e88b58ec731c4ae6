"""Deformable attention as an exported model computes it: the same sums in an order that suits inference.

PyTorch's form sums the samples of all scales at once. onnxruntime and OpenVINO take less time where each scale is
summed before the next is sampled, and where queries and tokens are innermost from the start: the projections give
features first, so that values and weights are never transposed.

Shape suffixes: those of deformable_attention.py, but without B: there is one image. F are features of a projection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from training_code.dino.scales import Scales

if TYPE_CHECKING:
    from training_code.dino.deformable_attention import DeformableAttention


def attend_exported(
    attention: DeformableAttention, query_BQD: Tensor, reference_BQLR: Tensor, tokens_BSD: Tensor, scales: Scales
) -> Tensor:
    """What `attention` computes of one image, in fp32, without padding -> (1, Q, D)."""
    m, n, k = attention.num_heads, attention.num_levels, attention.num_points
    query_QD, tokens_SD, reference_QLR = (x.flatten(0, 1) for x in (query_BQD, tokens_BSD, reference_BQLR))
    q = query_QD.shape[0]
    logit_LMKQ = _features_first(attention.attention_weights, query_QD).view(m, n * k, q)
    weight_MLKQ = logit_LMKQ.softmax(1).view(m, n, k, q)
    grid_LMKQ2 = _grid(attention, query_QD, reference_QLR, scales)
    values_Ds = scales.split(_features_first(attention.value_proj, tokens_SD))
    sums_MEQ = []
    for level, ((h, w), value_Ds) in enumerate(zip(scales.sizes, values_Ds, strict=True)):
        sampled_MEKQ = functional.grid_sample(value_Ds.reshape(m, -1, h, w), grid_LMKQ2[level], align_corners=False)
        sums_MEQ.append((sampled_MEKQ * weight_MLKQ[:, level, None]).sum(2))
    sampled_DQ = sum(sums_MEQ[1:], start=sums_MEQ[0]).flatten(0, 1)
    output_QD: Tensor = attention.output_proj(sampled_DQ.transpose(0, 1))
    return output_QD[None]


def _grid(attention: DeformableAttention, query_QD: Tensor, reference_QLR: Tensor, scales: Scales) -> Tensor:
    """Where each head looks, with a scale's corners at -1 and 1 -> (L, M, K, Q, 2)."""
    m, n, k = attention.num_heads, attention.num_levels, attention.num_points
    offset_LX2Q = _features_first(attention.sampling_offsets, query_QD, groups=(m, n)).view(n, m * k, 2, -1)
    reference_L1RQ = reference_QLR.permute(1, 2, 0)[:, None]
    is_point = reference_QLR.shape[-1] == 2
    unit_L12Q = (2 / scales.extent_L2)[:, None, :, None] if is_point else reference_L1RQ[:, :, 2:] / k
    grid_LX2Q: Tensor = offset_LX2Q * unit_L12Q + (2 * reference_L1RQ[:, :, :2] - 1)
    return grid_LX2Q.transpose(2, 3).reshape(n, m, k, -1, 2)


def _features_first(linear: nn.Linear, x_xD: Tensor, groups: tuple[int, int] = (1, 1)) -> Tensor:
    """What `linear` gives of (x, D) -> (F, x), its features in the order of the inner of `groups` (outer, inner)."""
    weight_FD = linear.weight.view(*groups, -1, linear.in_features).transpose(0, 1).flatten(0, 2)
    bias_F = linear.bias.view(*groups, -1).transpose(0, 1).flatten()
    product_Fx: Tensor = weight_FD @ x_xD.transpose(0, 1)
    return product_Fx + bias_F[:, None]
