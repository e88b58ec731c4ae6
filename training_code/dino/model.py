"""DINO (arXiv 2203.03605): joins backbone, transformer, denoising and prediction heads.

Shape suffixes: B images, 3 colours, P denoising and N matching queries, D d_model, C classes, X decoder layers, H
and W rows and columns, 4 is cxcywh in shares of the image.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training_code.dino.backbone import Backbone, InputProjections
from training_code.dino.denoising import DenoisingQueries, Draws, RandomDraws, make_denoising_queries
from training_code.dino.mlp import MLP
from training_code.dino.outputs import Outputs, Prediction, Target
from training_code.dino.transformer import Transformer
from training_code.model_config import ModelConfig

PRIOR = 0.01
"""Probability that the class heads start with (focal loss, arXiv 1708.02002, section 4.1)."""


class DINO(nn.Module):
    """The detector; its state_dict has the names and shapes of the official DINO_4scale checkpoints."""

    def __init__(self, config: ModelConfig, *, activation_checkpointing: bool) -> None:
        super().__init__()
        self.config = config
        d, layers = config.d_model, config.decoder_layers
        self.transformer = Transformer(config, activation_checkpointing=activation_checkpointing)
        self.label_enc = nn.Embedding(config.labelbook_size + 1, d)
        backbone = Backbone(config)
        self.backbone = nn.ModuleList([backbone])
        self.input_proj = InputProjections(config, backbone.body.channels)

        class_embed = nn.Linear(d, config.num_classes)
        nn.init.constant_(class_embed.bias, -math.log((1 - PRIOR) / PRIOR))
        bbox_embed = MLP(input_dim=d, hidden_dim=d, output_dim=4, num_layers=3)
        nn.init.zeros_(bbox_embed.layers[-1].weight)  # type: ignore[arg-type]  # ModuleList forgets its members' type
        nn.init.zeros_(bbox_embed.layers[-1].bias)  # type: ignore[arg-type]
        self.transformer.take_encoder_heads(copy.deepcopy(class_embed), copy.deepcopy(bbox_embed))
        # All decoder layers share one head; checkpoints list it once a layer, and again under the decoder.
        self.class_embed = nn.ModuleList([class_embed] * layers)
        self.bbox_embed = nn.ModuleList([bbox_embed] * layers)
        self.transformer.decoder.share_heads(self.class_embed, self.bbox_embed)

    def forward(
        self,
        images_B3HW: Tensor,
        mask_BHW: Tensor | None = None,
        targets: Sequence[Target] | None = None,
        draws: Draws | None = None,
    ) -> Outputs:
        """Normalised images (B, 3, H, W) and their padding mask (B, H, W) -> predictions.

        The mask is True on padding, to the right of an image and below it; None says that there is none.

        `pred_logits` (B, N, C) and `pred_boxes` (B, N, 4) are the last layer's; `aux_outputs` the other layers';
        `interm_outputs` the encoder's. In training, `targets` add `dn_outputs`, the predictions (B, P, ...) of
        denoising queries, whose noise comes from `draws` (default: torch's generator). N is num_queries, or the
        number of tokens for an image too small to have as many.
        """
        denoising = None
        if self.training and targets is not None:
            denoising = self._denoising_queries(targets, draws or RandomDraws())
        maps_BDHW = self.input_proj(self.backbone[0](images_B3HW))
        (logits_XBQC, boxes_XBQ4), selected = self.transformer(maps_BDHW, mask_BHW, denoising)
        p = denoising.count if denoising is not None else 0
        sizes = [p, logits_XBQC.shape[2] - p]
        of_denoising, matched = (
            [_prediction(*layer) for layer in zip(logits.unbind(), boxes.unbind(), strict=True)]
            for logits, boxes in zip(
                torch.split(logits_XBQC, sizes, dim=2), torch.split(boxes_XBQ4, sizes, dim=2), strict=True
            )
        )
        *aux, last = matched
        outputs: Outputs = {
            "pred_logits": last["pred_logits"],
            "pred_boxes": last["pred_boxes"],
            "aux_outputs": aux,
            "interm_outputs": _prediction(selected.logits, selected.box_logits.sigmoid()),
        }
        if denoising is not None:
            *aux, last = of_denoising
            outputs["dn_outputs"] = {**last, "aux_outputs": aux, "queries": denoising}
        elif self.training:
            # Without a box in the batch the label embedding is not used, but DDP waits for every gradient.
            outputs["pred_logits"] = outputs["pred_logits"] + 0.0 * self.label_enc.weight.sum()
        return outputs

    def _denoising_queries(self, targets: Sequence[Target], draws: Draws) -> DenoisingQueries | None:
        config = self.config
        return make_denoising_queries(
            [target["labels"] for target in targets],
            [target["boxes"] for target in targets],
            label_embedding=self.label_enc,
            num_classes=config.num_classes,
            dn_number=config.dn_number,
            label_noise=config.dn_label_noise,
            box_noise=config.dn_box_noise,
            draws=draws,
        )


def build_model(config: ModelConfig, *, activation_checkpointing: bool = False) -> DINO:
    """A DINO with fresh weights, initialised as the paper's code does it (the backbone expects to be loaded over).

    `activation_checkpointing` recomputes each encoder layer in the backward pass instead of keeping its activations.
    """
    return DINO(config, activation_checkpointing=activation_checkpointing)


def _prediction(logits: Tensor, boxes: Tensor) -> Prediction:
    return {"pred_logits": logits, "pred_boxes": boxes}
