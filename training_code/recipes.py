"""The recipes: an architecture and the training that suits it, by name. Standard library only: Lambdas read it, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from training_code.config import TrainingConfig
from training_code.model_config import Architecture


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What a job takes unless its hyperparameters say otherwise; the data set says how many classes the model has."""

    model: Architecture
    training: TrainingConfig


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        # The paper's model with four scales, and the paper's rates: the defaults of config.py but for the batch.
        "room_wall": Recipe(
            model=Architecture(),
            # A plan means the same turned and mirrored, at any scale, in any colour and line weight; a model that has
            # seen one way only does not find it in the others. The jitters stay small enough to keep the thinnest
            # lines: docs/augmentation.md shows them.
            training=TrainingConfig(
                epochs=5,
                batch_size=None,  # as memory allows: two leave the largest GPUs waiting for their host
                vertical_flip=True,
                quarter_turns=True,
                scale_jitter=0.2,
                colour_jitter=0.3,
                line_jitter=0.5,
            ),
        ),
        # The same structure, small enough to learn from scratch on two CPU cores in about a minute.
        "tiny": Recipe(
            # Eight heads start by looking into eight directions: with two points each they learn thin walls sooner
            # than four heads of four points, in less time.
            model=Architecture(
                num_queries=80,
                d_model=64,
                num_heads=8,
                num_points=2,
                feedforward_dim=128,
                encoder_layers=2,
                decoder_layers=2,
                backbone_blocks=(1, 1, 1, 1),
                backbone_width=16,
                backbone_norm="group_norm",
                freeze_stem=False,
                dn_number=20,
            ),
            # In the same time, many steps of one small image taught it more than fewer steps of two larger ones.
            training=TrainingConfig(
                epochs=22,
                batch_size=1,
                learning_rate=7e-4,
                backbone_learning_rate=7e-4,
                warmup_steps=10,
                clip_norm=1.0,
                image_short_sides=(192,),
                image_max_side=288,
                crop_short_sides=(),
                evaluation_epochs=5,
                checkpoint_epochs=5,
                workers=0,
                cpu_threads=1,
                precision="fp32",
                health_minutes=0.0,
            ),
        ),
    }
)
