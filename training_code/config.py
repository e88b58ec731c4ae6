"""What can be configured of a training, with the standard library only: Lambdas read it, too.

Defaults are those of the paper's DINO-4scale with ResNet-50 (arXiv 2203.03605, appendix D).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from training_code.config_checks import require, require_finite

Kernel = Literal["auto", "plain", "compiled", "triton"]
"""What computes deformable attention: PyTorch's own operators, torch.compile's code, or Triton kernels for CUDA."""
KERNELS: tuple[Kernel, ...] = get_args(Kernel)

MOST_PIXELS = 65_535
"""Of a side of an image."""

LEAST_BATCH = 2
"""Images of a batch that is measured: the paper's. A CPU takes no more, since its memory says nothing of its speed."""

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
        "ema_decay": (0, 0.999999),
        "patience": (1, 10_000),
        "accumulation_steps": (1, 1024),
        "image_short_sides": (32, MOST_PIXELS),
        "image_max_side": (1, MOST_PIXELS),
        "crop_short_sides": (32, MOST_PIXELS),
        "crop_sides": (32, MOST_PIXELS),
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
"""The least and the most that a number of TrainingConfig may be, alone or in a list."""

NOT_ZERO = frozenset({"learning_rate", "clip_norm", "stall_minutes"})
"""Numbers that must be above their range's 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """How a model is trained; nothing here changes what a finished checkpoint means."""

    epochs: int = 12
    """Passes over the training split."""
    batch_size: int | None = LEAST_BATCH
    """Images a process takes at once; None lets a GPU take as many as its memory holds, by the rules of
    measured_batch.py."""
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
    patience: int | None = None
    """Epochs without a better F1 on the validation split after which the learning rates drop early, and, as many later,
    training ends; None trains all epochs. Needs the schedule step: what counts is in loop/early_stopping.py."""
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
    """Smallest and largest side of that crop in pixels; its longer side lies along the image's."""
    horizontal_flip: bool = True
    """Mirror half of the training images left to right."""
    vertical_flip: bool = False
    """Mirror half of the training images top to bottom."""
    quarter_turns: bool = False
    """Turn each training image by 0, 90, 180 or 270 degrees, at random, those of an update to one orientation."""
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
    """Steps between two lines in the log, or fewer if they take longer than five minutes."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Arithmetic of updates and evaluations on a GPU; boxes and matching stay in fp32, and so does everything on a CPU.
    The model that is shipped is judged in fp32, in which it predicts."""
    deformable_attention: Kernel = "auto"
    """What computes it: auto takes the fastest that the machine can run; the log says which that is."""
    torch_compile: bool = False
    """Let torch.compile make the code of the transformer's layers, which the first steps wait for; it needs a C
    compiler, or on a CPU one of C++."""
    activation_checkpointing: bool = False
    """Recompute the transformer's activations in the backward pass: far less memory for about a third more time."""
    stall_minutes: float = 20.0
    """Minutes without a finished step after which the job ends as stalled."""
    health_minutes: float = 10.0
    """Minutes that a training must last without an error to be called healthy."""

    def __post_init__(self) -> None:
        require_finite(self)
        for name, (least, most) in TRAINING_RANGES.items():
            value = getattr(self, name)
            numbers = value if isinstance(value, tuple) else () if value is None else (value,)
            for number in numbers:
                require(number >= least, f"{name} must be at least {least:g}, not {number}")
                require(number <= most, f"{name} must be at most {most:,}, not {number}")
                require(number > 0 or name not in NOT_ZERO, f"{name} must be above 0")
        require(
            self.lr_drop_epoch is None or self.lr_drop_epoch <= self.epochs,
            f"lr_drop_epoch must be at most epochs ({self.epochs}), not {self.lr_drop_epoch}",
        )
        require(self.schedule in {"step", "cosine"}, f"schedule must be step or cosine, not {self.schedule!r}")
        require(
            self.patience is None or self.schedule == "step",
            "patience needs the schedule step, whose drop it brings forward: with cosine, set patience to null",
        )
        require(
            len(self.crop_sides) == 2 and self.crop_sides[0] <= self.crop_sides[1],
            f"crop_sides must be a smallest and a largest side, not {self.crop_sides}",
        )
        require(len(self.image_short_sides) > 0, "image_short_sides needs at least one size")
        require(
            self.image_max_side >= max(self.image_short_sides),
            f"image_max_side ({self.image_max_side}) must not be below the largest of image_short_sides",
        )
        require(self.precision in {"fp32", "bf16"}, f"precision must be fp32 or bf16, not {self.precision!r}")

        require(
            self.deformable_attention in KERNELS,
            f"deformable_attention must be one of {', '.join(KERNELS)}, not {self.deformable_attention!r}",
        )

    @property
    def images_at_once(self) -> int:
        """Images a process takes at once; of a batch that is still to be measured the least."""
        return LEAST_BATCH if self.batch_size is None else self.batch_size

    @property
    def prediction_short_side(self) -> int:
        """Short side in pixels of the images that are evaluated and, with the finished model, predicted on."""
        return self.image_short_sides[-1]
