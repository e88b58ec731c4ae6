"""Mixed query selection (paper section 3.4): the encoder's best tokens say where the decoder's queries start.

Shape suffixes: B images (1 where it is the same for all), S tokens of all scales, N chosen queries, D d_model, C
classes, x any of these, 4 is cxcywh, 2 is x, y.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training_code.dino.precision import at_least_fp32
from training_code.dino.scales import Scales

BASE_SIZE = 0.05
"""Width and height of a token's proposal at the finest scale, in shares of the image; each scale doubles it."""

BORDER = 0.01
"""Proposals nearer than this to 0 or 1 in any coordinate are not used."""


@dataclass(frozen=True, slots=True)
class SelectedQueries:
    """The chosen tokens as predictions of the encoder."""

    logits: Tensor
    """(B, N, C)."""

    box_logits: Tensor
    """(B, N, 4), boxes before the sigmoid, with their gradient; the decoder starts from a detached copy."""


def make_proposals(scales: Scales) -> tuple[Tensor, Tensor]:
    """One box a token, centred on it, before the sigmoid (Deformable DETR, appendix A.4).

    -> proposals (B, S, 4), +inf where unusable, and the mask (B, S) of these: padding, or too near to the border.
    """
    place_BS2 = scales.place_BS2()
    size_S1 = BASE_SIZE * 2.0 ** scales.level_S.to(place_BS2.dtype)[:, None]
    box_BS4 = torch.cat([place_BS2, size_S1.expand_as(place_BS2)], dim=-1)
    unusable_BS = ((box_BS4 <= BORDER) | (box_BS4 >= 1 - BORDER)).any(-1)
    if scales.padding_BS is not None:
        unusable_BS = unusable_BS | scales.padding_BS
    logit_BS4 = torch.log(box_BS4 / (1 - box_BS4))
    return logit_BS4.masked_fill(unusable_BS[..., None], torch.inf), unusable_BS


def select_queries(
    memory_BSD: Tensor, proposal_BS4: Tensor, *, num_queries: int, class_embed: nn.Module, bbox_embed: nn.Module
) -> SelectedQueries:
    """The `num_queries` tokens with the largest class logit; all tokens where an image has fewer.

    `memory_BSD` has passed enc_output and its norm. Boxes are computed for the chosen tokens only: the others' are
    neither used nor trained.
    """
    logits_BSC = class_embed(memory_BSD)
    tokens = memory_BSD.shape[1]
    # In an exported model their number is the image's: it sorts all tokens, and cuts off what is too much.
    count = tokens if torch.onnx.is_in_onnx_export() else min(num_queries, tokens)
    index_BN = torch.topk(logits_BSC.amax(-1), count, dim=1).indices[:, :num_queries]

    def chosen(x_BSx: Tensor) -> Tensor:
        return x_BSx.expand(len(index_BN), -1, -1).gather(1, index_BN[..., None].expand(-1, -1, x_BSx.shape[-1]))

    delta_BN4 = at_least_fp32(bbox_embed(chosen(memory_BSD)))
    return SelectedQueries(at_least_fp32(chosen(logits_BSC)), delta_BN4 + chosen(proposal_BS4))
