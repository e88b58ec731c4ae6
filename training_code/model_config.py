"""What can be configured of the model, with the standard library only: Lambdas read it, too.

Names and defaults are those of the paper's DINO-4scale with ResNet-50 (arXiv 2203.03605, appendix D).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from training_code.config_checks import require, require_at_least, require_finite


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """The network, the matching and the losses, for any number of classes."""

    num_queries: int = 900
    """Boxes that the decoder predicts for an image; must exceed the objects of the fullest image."""
    d_model: int = 256
    """Width of every token and query."""
    num_heads: int = 8
    """Attention heads, in self-attention and in deformable attention."""
    feedforward_dim: int = 2048
    """Hidden width of the feed-forward block of each transformer layer."""
    encoder_layers: int = 6
    """Deformable encoder layers."""
    decoder_layers: int = 6
    """Decoder layers; each one refines the boxes and has its own losses."""
    num_levels: int = 4
    """Feature scales: C3, C4, C5 (strides 8, 16, 32), then further halvings of C5."""
    num_points: int = 4
    """Sampling points of deformable attention for each head and scale."""
    backbone_blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    """Bottleneck blocks of the four ResNet stages; the default is ResNet-50."""
    backbone_width: int = 64
    """Channels of the ResNet's stem; C3, C4 and C5 have 8, 16 and 32 times as many."""
    backbone_norm: Literal["frozen_batch_norm", "group_norm"] = "frozen_batch_norm"
    """frozen_batch_norm needs pretrained weights (its statistics never move); group_norm also learns from scratch."""
    freeze_stem: bool = True
    """Keep the first convolution and the first stage as they were loaded (they need pretrained weights)."""
    position_temperature: float = 20.0
    """Temperature of the encoder's sine position encoding (DAB-DETR's value)."""
    dn_number: int = 100
    """Denoising queries of each kind (positive, negative) for an image, shared out in groups; 0 means none."""
    dn_label_noise: float = 0.5
    """Twice the share of denoising queries whose label is replaced by a random one (paper section 3.3)."""
    dn_box_noise: float = 1.0
    """Scale of the noise on the denoising boxes' corners, in half widths and half heights."""
    cost_class: float = 2.0
    """Weight of the focal cost in the matching."""
    cost_bbox: float = 5.0
    """Weight of the L1 cost in the matching."""
    cost_giou: float = 2.0
    """Weight of the GIoU cost in the matching."""
    loss_class: float = 1.0
    """Weight of the focal loss."""
    loss_bbox: float = 5.0
    """Weight of the L1 loss."""
    loss_giou: float = 2.0
    """Weight of the GIoU loss."""
    loss_interm: float = 1.0
    """Factor on the losses of the encoder's own proposals (two-stage query selection)."""
    focal_alpha: float = 0.25
    """Balance of positives in the focal loss and cost."""
    focal_gamma: float = 2.0
    """Exponent of the focal loss and cost."""

    def __post_init__(self) -> None:
        require_finite(self)
        require_at_least(1, self, "num_queries d_model num_heads feedforward_dim encoder_layers decoder_layers")
        require_at_least(1, self, "num_points backbone_width")
        require_at_least(0, self, "dn_number dn_box_noise focal_gamma loss_class loss_bbox loss_giou loss_interm")
        require(len(self.backbone_blocks) == 4, "backbone_blocks needs the block counts of four stages")
        require(min(self.backbone_blocks) >= 1, "backbone_blocks must all be at least 1")
        require(
            self.d_model % 4 == 0 and self.d_model % self.num_heads == 0,
            f"d_model must be a multiple of 4 and of num_heads, not {self.d_model} with {self.num_heads} heads",
        )
        require(
            self.d_model % GROUP_NORM_GROUPS == 0,
            f"d_model must be a multiple of {GROUP_NORM_GROUPS} (groups of the projections' norm), not {self.d_model}",
        )
        require(self.num_levels >= 3, f"num_levels must be at least 3 (C3, C4, C5), not {self.num_levels}")
        require(
            self.backbone_norm in {"frozen_batch_norm", "group_norm"},
            f"backbone_norm {self.backbone_norm!r} is not known",
        )
        require(
            not (self.freeze_stem and self.backbone_norm == "group_norm"),
            "freeze_stem keeps random weights with group_norm, which has no pretrained ones: set freeze_stem to False",
        )
        require(
            self.backbone_norm != "group_norm" or self.backbone_width % BACKBONE_GROUPS == 0,
            f"backbone_width must be a multiple of {BACKBONE_GROUPS} with group_norm, not {self.backbone_width}",
        )
        require(self.position_temperature > 0, "position_temperature must be positive")
        require(0 <= self.dn_label_noise <= 2, f"dn_label_noise must lie in 0..2, not {self.dn_label_noise}")
        costs = (self.cost_class, self.cost_bbox, self.cost_giou)
        require(min(costs) >= 0 and max(costs) > 0, "the matching costs must not be negative, and not all 0")
        require(0 <= self.focal_alpha <= 1, f"focal_alpha must lie in 0..1, not {self.focal_alpha}")

    def with_classes(self, num_classes: int) -> ModelConfig:
        """The model for a data set of `num_classes` classes."""
        return ModelConfig(**asdict(self) | {"num_classes": num_classes})


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig(Architecture):
    """An architecture for so many classes: all that decides what a checkpoint means."""

    num_classes: int = 91
    """Class logits: the data set's largest category id + 1, because labels are category ids (id 0 stays unused)."""
    dn_labelbook_size: int | None = None
    """Rows of the denoising label embedding, less one; None means num_classes."""

    def __post_init__(self) -> None:
        Architecture.__post_init__(self)
        require_at_least(1, self, "num_classes")
        require(
            self.dn_number == 0 or self.labelbook_size >= self.num_classes,
            f"dn_labelbook_size must be at least num_classes ({self.num_classes}), not {self.dn_labelbook_size}",
        )
        require(self.labelbook_size >= 1, "dn_labelbook_size must be at least 1")

    @property
    def labelbook_size(self) -> int:
        return self.num_classes if self.dn_labelbook_size is None else self.dn_labelbook_size


GROUP_NORM_GROUPS = 32
"""Groups of the norm after each input projection (Deformable DETR's choice; part of the checkpoints' meaning)."""

BACKBONE_GROUPS = 8
"""Groups of the backbone's norms where backbone_norm is group_norm."""
