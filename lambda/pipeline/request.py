"""What a person asks of an execution, complete and checked: its fields, presets and stages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pipeline.instance_types import INSTANCE_TYPES
from pipeline.training_field import settings_to_continue
from training_code.config import TrainingConfig
from training_code.recipes import RECIPES
from training_code.training_settings import training_config


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe with its epochs per stage and its default cap."""

    recipe: str
    """The name of the trainer's configuration, in training_code.recipes.RECIPES."""
    epochs: tuple[int, ...]
    """Of each of its stages, in their order; a stage starts only if the one before it was healthy."""
    max_cost_usd: float
    """More than five times what is projected on the default instance type: jobs may take three times as long."""
    settings: tuple[Mapping[str, object], ...] = ({},)
    """Of each of its stages: what else differs from the recipe's training, as JSON values."""


_FULL = MappingProxyType({"patience": 8})

PRESETS = {
    "test": Preset("room_wall", (5,), 10),
    "full": Preset("room_wall", (50,), 60, (_FULL,)),
    "test_then_full": Preset("room_wall", (5, 50), 70, ({}, _FULL)),
    "tiny": Preset("tiny", (RECIPES["tiny"].training.epochs,), 5),
}

MOST_STAGES = max(len(preset.epochs) for preset in PRESETS.values())
MAX_EPOCHS = 1000
MAX_INSTANCE_COUNT = 16

WEIGHTS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.(pth|safetensors)")
"""One path segment, which neither a shell nor a tag's value has to quote; the trainer passes over hidden files."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One training within an execution."""

    recipe: str
    """The name of the trainer's configuration."""
    epochs: int
    settings: Mapping[str, object] = field(default_factory=dict)
    """What else differs from the recipe's training, as JSON values."""

    @property
    def training(self) -> TrainingConfig:
        """What the stage is trained with."""
        return training_config(self.recipe, {**self.settings, "epochs": self.epochs})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One complete, checked request."""

    dataset_prefix: str
    """The data set's folder in the bucket, without a slash at the end."""
    preset: str
    epochs: int | None
    """None only for a preset of several stages, which have their own."""
    instance_types: tuple[str, ...]
    """One to five with equally many GPUs, in the order in which they are tried."""
    instance_count: int
    """Of each job, all of one type."""
    spot: bool
    max_cost_usd: float
    """The most that all training jobs of the execution together may cost."""
    quality_gate: Mapping[str, float]
    """Class name -> least F1 at IoU 0.5. Empty: the model is only compared with the last accepted one."""
    gate_is_default: bool = False
    """Whether quality_gate is the deployment's: then it applies only to the classes that the data set has."""
    pretrained: str | None
    """A file below pretrained/ in the bucket. None: the only one there, if the preset's model needs weights."""
    continue_from: str | None
    """The name of an earlier run, whose model all stages go on training; pretrained is None then."""
    training: Mapping[str, object]
    """Settings asked for in all stages, as JSON values."""

    @property
    def gpus(self) -> int:
        """That train together."""
        return INSTANCE_TYPES[self.instance_types[0]].gpus * self.instance_count

    @property
    def images_per_update(self) -> int:
        """Of all GPUs together, in all stages; of a batch that the trainer measures the least."""
        training = self.stages[0].training
        return training.images_at_once * training.accumulation_steps * self.gpus

    @property
    def recipe(self) -> str:
        """The name of the trainer's configuration, which all stages share."""
        return PRESETS[self.preset].recipe

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What is trained, one after the other."""
        return tuple(
            Stage(self.recipe, epochs, {**settings, **self.training})
            for epochs, settings in preset_stages(self.preset, self.epochs, self.continue_from)
        )


def preset_stages(preset: str, epochs: int | None, continue_from: str | None) -> list[tuple[int, Mapping[str, object]]]:
    """The epochs of each stage, and the settings over which the request's `training` goes."""
    counts = PRESETS[preset].epochs if epochs is None else (epochs,)
    common = settings_to_continue(PRESETS[preset].recipe) if continue_from else {}
    stages = zip(counts, PRESETS[preset].settings, strict=True)
    return [(count, {**common, **settings}) for count, settings in stages]


FIELDS = tuple(name for name in Request.__dataclass_fields__ if name != "gate_is_default")
"""What a person may set."""
