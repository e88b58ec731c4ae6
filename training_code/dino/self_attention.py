"""Attention of the decoder's queries to one another, by PyTorch's fused operation.

Shape suffixes: B images, Q queries, M heads, E features of a head, D is M E, 2 is query, key.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def attend(attention: nn.MultiheadAttention, placed_BQD: Tensor, query_BQD: Tensor, bias_QQ: Tensor | None) -> Tensor:
    """What `attention` gives where queries and keys are `placed_BQD` and values `query_BQD` -> (B, Q, D).

    It projects queries and keys in one go, which nn.MultiheadAttention does only where the values are the same, too.
    """
    d, m = attention.embed_dim, attention.num_heads
    b, q, _ = query_BQD.shape
    qk_weight_xD, value_weight_DD = torch.split(attention.in_proj_weight, [2 * d, d])
    qk_bias_x, value_bias_D = torch.split(attention.in_proj_bias, [2 * d, d])
    qk_BQ2ME = functional.linear(placed_BQD, qk_weight_xD, qk_bias_x).view(b, q, 2, m, -1)
    query_BMQE, key_BMQE = qk_BQ2ME.permute(2, 0, 3, 1, 4).unbind()
    value_BMQE = functional.linear(query_BQD, value_weight_DD, value_bias_D).view(b, q, m, -1).transpose(1, 2)
    attended_BMQE = functional.scaled_dot_product_attention(query_BMQE, key_BMQE, value_BMQE, attn_mask=bias_QQ)
    out_BQD: Tensor = attention.out_proj(attended_BMQE.transpose(1, 2).flatten(2))
    return out_BQD
