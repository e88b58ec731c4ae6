"""Deformable attention as an exported model computes it: the same sums in an order that suits inference.

PyTorch's form joins the samples of all scales before it weighs them, as the reference does, to the bit. onnxruntime
and OpenVINO take a quarter less time where each scale is summed before the next is sampled, queries are innermost, and
offsets are scaled before their axes are put in order.

Shape suffixes: those of deformable_attention.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from training_code.dino.scales import Scales

if TYPE_CHECKING:
    from training_code.dino.deformable_attention import DeformableAttention


def attend_exported(
    attention: DeformableAttention, query_BQD: Tensor, reference_BQLR: Tensor, tokens_BSD: Tensor, scales: Scales
) -> Tensor:
    """What `attention` computes of one image, in fp32, without padding -> (B, Q, D)."""
    b, q, _ = query_BQD.shape
    m, n, k = attention.num_heads, attention.num_levels, attention.num_points
    weight_BQMx = attention.attention_weights(query_BQD).view(b, q, m, n * k).softmax(-1)
    weight_LXKQ = weight_BQMx.view(b, q, m, n, k).permute(3, 0, 2, 4, 1).flatten(1, 2)
    grid_LXKQ2 = _grid(attention, query_BQD, reference_BQLR, scales)
    sums_XEQ = []
    scales_BsD = scales.split(attention.value_proj(tokens_BSD))
    for (h, w), scale_BsD, grid_XKQ2, weight_XKQ in zip(scales.sizes, scales_BsD, grid_LXKQ2, weight_LXKQ, strict=True):
        map_XEHW = scale_BsD.transpose(1, 2).reshape(b * m, -1, h, w)
        sampled_XEKQ = functional.grid_sample(map_XEHW, grid_XKQ2, align_corners=False)
        sums_XEQ.append((sampled_XEKQ * weight_XKQ[:, None]).sum(2))
    sampled_BDQ = sum(sums_XEQ[1:], start=sums_XEQ[0]).view(b, -1, q)
    output_BQD: Tensor = attention.output_proj(sampled_BDQ.transpose(1, 2))
    return output_BQD


def _grid(attention: DeformableAttention, query_BQD: Tensor, reference_BQLR: Tensor, scales: Scales) -> Tensor:
    """Where each head looks, with a scale's corners at -1 and 1 -> (L, B M, K, Q, 2)."""
    b, q, _ = query_BQD.shape
    m, n, k = attention.num_heads, attention.num_levels, attention.num_points
    offset_BQx = attention.sampling_offsets(query_BQD)
    reference_LB11QR = reference_BQLR.permute(2, 0, 1, 3)[:, :, None, None]
    is_point = reference_BQLR.shape[-1] == 2
    if is_point:
        offset_BQx = offset_BQx * (2 / scales.extent)[None, :, None].expand(m, n, k, 2).flatten()
    offset_LBMKQ2 = offset_BQx.view(b, q, m, n, k, 2).permute(3, 0, 2, 4, 1, 5)
    if not is_point:
        offset_LBMKQ2 = offset_LBMKQ2 * (reference_LB11QR[..., 2:] / k)
    grid_LBMKQ2: Tensor = offset_LBMKQ2 + (2 * reference_LB11QR[..., :2] - 1)
    return grid_LBMKQ2.flatten(1, 2)
