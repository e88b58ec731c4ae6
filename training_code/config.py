"""What can be configured of the model and its training, with the standard library only: Lambdas read it, too.

Names and defaults are those of the paper's DINO-4scale with ResNet-50 (arXiv 2203.03605, appendix D).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Literal


class ConfigError(ValueError):
    """A configuration that cannot work; the message is one sentence for the person who wrote it."""


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
        _require_finite(self)
        _require_at_least(1, self, "num_queries d_model num_heads feedforward_dim encoder_layers decoder_layers")
        _require_at_least(1, self, "num_points backbone_width")
        _require_at_least(0, self, "dn_number dn_box_noise focal_gamma loss_class loss_bbox loss_giou loss_interm")
        _require(len(self.backbone_blocks) == 4, "backbone_blocks needs the block counts of four stages")
        _require(min(self.backbone_blocks) >= 1, "backbone_blocks must all be at least 1")
        _require(
            self.d_model % 4 == 0 and self.d_model % self.num_heads == 0,
            f"d_model must be a multiple of 4 and of num_heads, not {self.d_model} with {self.num_heads} heads",
        )
        _require(
            self.d_model % GROUP_NORM_GROUPS == 0,
            f"d_model must be a multiple of {GROUP_NORM_GROUPS} (groups of the projections' norm), not {self.d_model}",
        )
        _require(self.num_levels >= 3, f"num_levels must be at least 3 (C3, C4, C5), not {self.num_levels}")
        _require(
            self.backbone_norm in {"frozen_batch_norm", "group_norm"},
            f"backbone_norm {self.backbone_norm!r} is not known",
        )
        _require(
            not (self.freeze_stem and self.backbone_norm == "group_norm"),
            "freeze_stem keeps random weights with group_norm, which has no pretrained ones: set freeze_stem to False",
        )
        _require(
            self.backbone_norm != "group_norm" or self.backbone_width % BACKBONE_GROUPS == 0,
            f"backbone_width must be a multiple of {BACKBONE_GROUPS} with group_norm, not {self.backbone_width}",
        )
        _require(self.position_temperature > 0, "position_temperature must be positive")
        _require(0 <= self.dn_label_noise <= 2, f"dn_label_noise must lie in 0..2, not {self.dn_label_noise}")
        costs = (self.cost_class, self.cost_bbox, self.cost_giou)
        _require(min(costs) >= 0 and max(costs) > 0, "the matching costs must not be negative, and not all 0")
        _require(0 <= self.focal_alpha <= 1, f"focal_alpha must lie in 0..1, not {self.focal_alpha}")

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
        _require_at_least(1, self, "num_classes")
        _require(
            self.dn_number == 0 or self.labelbook_size >= self.num_classes,
            f"dn_labelbook_size must be at least num_classes ({self.num_classes}), not {self.dn_labelbook_size}",
        )
        _require(self.labelbook_size >= 1, "dn_labelbook_size must be at least 1")

    @property
    def labelbook_size(self) -> int:
        return self.num_classes if self.dn_labelbook_size is None else self.dn_labelbook_size


GROUP_NORM_GROUPS = 32
"""Groups of the norm after each input projection (Deformable DETR's choice; part of the checkpoints' meaning)."""

BACKBONE_GROUPS = 8
"""Groups of the backbone's norms where backbone_norm is group_norm."""


MOST_PIXELS = 65_535
"""Of a side of an image."""

_ANY = 3.4e38
"""What fp32 holds."""
_LONGEST_MINUTES = 28 * 24 * 60
"""No training job of SageMaker may take longer."""

TRAINING_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "epochs": (1, 10_000),
        "batch_size": (1, 1024),
        "learning_rate": (0, _ANY),
        "backbone_learning_rate": (0, _ANY),
        "weight_decay": (0, _ANY),
        "clip_norm": (0, _ANY),
        "warmup_steps": (0, 10_000_000),
        "lr_drop_epoch": (1, 10_000),
        "accumulation_steps": (1, 1024),
        "image_max_side": (1, MOST_PIXELS),
        "scale_jitter": (0, 0.5),
        "colour_jitter": (0, 1),
        "line_jitter": (0, 1),
        "seed": (0, 2**63 - 1),
        "workers": (0, 256),
        "cpu_threads": (1, 1024),
        "checkpoint_epochs": (1, 10_000),
        "evaluation_epochs": (1, 10_000),
        "log_steps": (1, 10_000_000),
        "stall_minutes": (0, _LONGEST_MINUTES),
        "health_minutes": (0, _LONGEST_MINUTES),
    }
)
"""The least and the most that a number of TrainingConfig may be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """How a model is trained; nothing here changes what a finished checkpoint means."""

    epochs: int = 12
    """Passes over the training split."""
    batch_size: int = 2
    """Images a process takes at once."""
    learning_rate: float = 1e-4
    """AdamW's learning rate of everything but the backbone."""
    backbone_learning_rate: float = 1e-5
    """AdamW's learning rate of the backbone."""
    weight_decay: float = 1e-4
    """AdamW's weight decay, on every parameter as in the paper."""
    clip_norm: float = 0.1
    """Largest norm of the whole gradient."""
    schedule: Literal["step", "cosine"] = "step"
    """step drops the learning rates once, as the paper does; cosine lets them fall smoothly to 0."""
    warmup_steps: int = 0
    """Steps over which the learning rates rise linearly from 0; the paper uses none."""
    lr_drop_epoch: int | None = None
    """Epoch after which the learning rates are divided by 10; None means after 11/12 of the epochs, as in the paper."""
    ema_decay: float = 0.0
    """Decay of the weights' exponential moving average, which is then evaluated and shipped; 0 means none."""
    accumulation_steps: int = 1
    """Batches of each process whose gradients are summed up for one update."""
    image_short_sides: tuple[int, ...] = (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800)
    """Short sides in pixels that training images are resized to at random; evaluation uses the last."""
    image_max_side: int = 1333
    """Largest long side in pixels after resizing."""
    crop_short_sides: tuple[int, ...] = (400, 500, 600)
    """Short sides in pixels that half of the training images are resized to before they are cropped; () never crops."""
    crop_sides: tuple[int, int] = (384, 600)
    """Smallest and largest side of that crop in pixels."""
    horizontal_flip: bool = True
    """Mirror half of the training images left to right."""
    vertical_flip: bool = False
    """Mirror half of the training images top to bottom."""
    quarter_turns: bool = False
    """Turn each training image by 0, 90, 180 or 270 degrees, at random."""
    scale_jitter: float = 0.0
    """Zoom training images that are not cropped by 1 - this to 1 + this, their size in pixels kept; 0 never zooms."""
    colour_jitter: float = 0.0
    """Divide or multiply each training image's brightness, contrast and saturation by up to 1 + this; 0 keeps them."""
    line_jitter: float = 0.0
    """Make each training image's dark lines thinner or thicker by up to this many pixels at each edge; 0 keeps them."""
    seed: int = 42
    """Seed of initialisation, order, augmentation and denoising."""
    workers: int = 4
    """Processes that read and augment images; 0 reads in the training process."""
    cpu_threads: int | None = None
    """Threads of the arithmetic on a CPU; None leaves it to PyTorch. They cost small tensors more than they bring."""
    checkpoint_epochs: int = 1
    """Epochs between two checkpoints."""
    evaluation_epochs: int = 1
    """Epochs between two evaluations on the validation split; the last epoch is always evaluated."""
    log_steps: int = 10
    """Steps between two lines in the log."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Arithmetic on a GPU; boxes and matching stay in fp32, and so does everything on a CPU."""
    activation_checkpointing: bool = False
    """Recompute the transformer's activations in the backward pass: far less memory for about a third more time."""
    stall_minutes: float = 20.0
    """Minutes without a finished step after which the job ends as stalled."""
    health_minutes: float = 10.0
    """Minutes that a training must last without an error to be called healthy."""

    def __post_init__(self) -> None:
        _require_finite(self)
        for name, (least, most) in TRAINING_RANGES.items():
            value = getattr(self, name)
            _require(value is None or value >= least, f"{name} must be at least {least:g}, not {value}")
            _require(value is None or value <= most, f"{name} must be at most {most:,}, not {value}")
        for name in ["learning_rate", "clip_norm", "stall_minutes"]:
            _require(getattr(self, name) > 0, f"{name} must be positive, not {getattr(self, name)}")
        _require(
            self.lr_drop_epoch is None or self.lr_drop_epoch <= self.epochs,
            f"lr_drop_epoch must be at most epochs ({self.epochs}), not {self.lr_drop_epoch}",
        )
        _require(self.schedule in {"step", "cosine"}, f"schedule must be step or cosine, not {self.schedule!r}")
        _require(0 <= self.ema_decay < 1, f"ema_decay must be at least 0 and below 1, not {self.ema_decay}")
        _require(
            len(self.crop_sides) == 2 and 32 <= self.crop_sides[0] <= self.crop_sides[1],
            f"crop_sides must be a smallest and a largest side of at least 32 pixels, not {self.crop_sides}",
        )
        _require(min(self.crop_short_sides, default=32) >= 32, "crop_short_sides must be at least 32 pixels")
        _require(len(self.image_short_sides) > 0, "image_short_sides needs at least one size")
        _require(min(self.image_short_sides, default=0) >= 32, "image_short_sides must be at least 32 pixels")
        crops = max(*self.crop_short_sides, *self.crop_sides)
        _require(crops <= MOST_PIXELS, f"crop_short_sides and crop_sides must be at most {MOST_PIXELS:,} pixels")
        _require(
            self.image_max_side >= max(self.image_short_sides),
            f"image_max_side ({self.image_max_side}) must not be below the largest of image_short_sides",
        )
        _require(self.precision in {"fp32", "bf16"}, f"precision must be fp32 or bf16, not {self.precision!r}")

    @property
    def prediction_short_side(self) -> int:
        """Short side in pixels of the images that are evaluated and, with the finished model, predicted on."""
        return self.image_short_sides[-1]


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ConfigError(f"{sentence}.")


def _require_finite(config: Architecture | TrainingConfig) -> None:
    for field in fields(config):
        value = getattr(config, field.name)
        _require(
            not isinstance(value, float) or math.isfinite(value), f"{field.name} must be a finite number, not {value}"
        )


def _require_at_least(least: int, config: object, names: str) -> None:
    for name in names.split():
        _require(getattr(config, name) >= least, f"{name} must be at least {least}, not {getattr(config, name)}")
