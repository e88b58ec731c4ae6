"""The transformer between the backbone's scales and the predictions (paper figure 2).

Shape suffixes: B images, S tokens of all scales, Q queries (denoising ones, if there are any, before the matching
ones), D d_model, C classes, H and W rows and columns, 4 is cxcywh.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training_code.dino.decoder import Decoder
from training_code.dino.deformable_attention import DeformableAttention
from training_code.dino.denoising import DenoisingQueries, attention_mask
from training_code.dino.encoder import Encoder
from training_code.dino.geometry import Geometries, Geometry
from training_code.dino.query_selection import SelectedQueries, select_queries
from training_code.model_config import ModelConfig


class Transformer(nn.Module):
    """Encoder, mixed query selection and decoder; parameter names are the official checkpoints'."""

    enc_out_class_embed: nn.Module
    enc_out_bbox_embed: nn.Module

    def __init__(self, config: ModelConfig, *, activation_checkpointing: bool) -> None:
        super().__init__()
        d = config.d_model
        self.config = config
        self.level_embed = nn.Parameter(torch.empty(config.num_levels, d))
        self.encoder = Encoder(config, activation_checkpointing=activation_checkpointing)
        self.decoder = Decoder(config)
        self.tgt_embed = nn.Embedding(config.num_queries, d)
        self.enc_output = nn.Linear(d, d)
        self.enc_output_norm = nn.LayerNorm(d)
        self._geometries = Geometries(config)
        self._initialise()

    def take_encoder_heads(self, class_embed: nn.Module, bbox_embed: nn.Module) -> None:
        """Take the heads that score the encoder's tokens: not shared with the decoder's, although they start equal."""
        self.enc_out_class_embed, self.enc_out_bbox_embed = class_embed, bbox_embed

    def forward(
        self, maps_BDHW: list[Tensor], mask_BHW: Tensor | None, denoising: DenoisingQueries | None
    ) -> tuple[tuple[Tensor, Tensor], SelectedQueries]:
        """Scales (B, D, H, W), finest first, and the full images' padding mask (B, H, W), if any.

        -> the decoder layers' logits (X, B, Q, C) and boxes (X, B, Q, 4), and the encoder's own prediction.
        """
        geometry = self._geometry(maps_BDHW, mask_BHW)
        scales = geometry.scales
        tokens_BSD = torch.cat([map_.flatten(2).transpose(1, 2) for map_ in maps_BDHW], dim=1)
        position_BSD = self._positions(geometry)
        memory_BSD = self.encoder(tokens_BSD, position_BSD, geometry.reference_BSL2, scales)

        selected = self._select(memory_BSD, geometry)
        reference_BQ4 = selected.box_logits.detach()
        batch, matching = reference_BQ4.shape[:2]
        # Boxes come from the image, contents are learned: that is what "mixed" means.
        query_BQD = self.tgt_embed.weight[:matching].expand(batch, -1, -1)
        blocked_QQ = None
        if denoising is not None:
            query_BQD = torch.cat([denoising.content.to(query_BQD.dtype), query_BQD], dim=1)
            reference_BQ4 = torch.cat([denoising.box_logits.to(reference_BQ4.dtype), reference_BQ4], dim=1)
            blocked_QQ = attention_mask(denoising.groups, denoising.slots, matching, query_BQD.device)
        predictions = self.decoder(
            query_BQD, reference_BQ4.sigmoid(), memory_BSD=memory_BSD, scales=scales, blocked_QQ=blocked_QQ
        )
        return predictions, selected

    def _geometry(self, maps_BDHW: list[Tensor], mask_BHW: Tensor | None) -> Geometry:
        sizes = tuple((map_.shape[2], map_.shape[3]) for map_ in maps_BDHW)
        dtype = torch.promote_types(maps_BDHW[0].dtype, torch.float32)  # also inside autocast
        return self._geometries.of(sizes, mask_BHW, dtype, maps_BDHW[0].device)

    def _positions(self, geometry: Geometry) -> Tensor:
        """(B, S, D): where each token is in its scale, plus the scale's learned embedding."""
        sizes = geometry.scales.sizes
        lines = torch.split(geometry.lines_BAF, [h for h, _ in sizes] + [w for _, w in sizes], dim=1)
        positions_BSD = []
        for (h, w), y_BHF, x_BWF, embed_D in zip(
            sizes, lines[: len(sizes)], lines[len(sizes) :], self.level_embed, strict=True
        ):
            embed_y_F, embed_x_F = embed_D.chunk(2)
            y_BHWF = (y_BHF + embed_y_F)[:, :, None].expand(-1, -1, w, -1)
            x_BHWF = (x_BWF + embed_x_F)[:, None].expand(-1, h, -1, -1)
            positions_BSD.append(torch.cat([y_BHWF, x_BHWF], dim=-1).flatten(1, 2))
        return torch.cat(positions_BSD, dim=1)

    def _select(self, memory_BSD: Tensor, geometry: Geometry) -> SelectedQueries:
        # Zeros pass enc_output and its norm: unusable tokens all get the same, learned score.
        usable_BSD = memory_BSD.masked_fill(geometry.unusable_BS[..., None], 0)
        scored_BSD = self.enc_output_norm(self.enc_output(usable_BSD))
        return select_queries(
            scored_BSD,
            geometry.proposal_BS4,
            num_queries=self.config.num_queries,
            class_embed=self.enc_out_class_embed,
            bbox_embed=self.enc_out_bbox_embed,
        )

    def _initialise(self) -> None:
        """Xavier on every matrix, then Deformable DETR's own start for its attention and the scales' embedding."""
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, DeformableAttention):
                module.initialise()
        nn.init.normal_(self.level_embed)
