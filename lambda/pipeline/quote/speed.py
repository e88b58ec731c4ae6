"""How fast an instance type trains and what spot saves: measured in earlier runs, or else by gpu_speeds.py's table."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.instance_types import INSTANCE_TYPES, instances_name
from pipeline.quote.gpu_speeds import GPU_SPEEDS
from pipeline.quote.records import StageRecord
from training_code.config import TrainingConfig
from training_code.measured_batch import largest_batch
from training_code.recipes import RECIPES
from training_code.training_settings import json_values

_RECORDS = 5
"""How many of the newest records count, by their median: code and data change, and an outlier must not count."""

_EFFICIENCY_WITHIN, _EFFICIENCY_ACROSS = 0.8, 0.6
"""Of several GPUs in one instance, and in several: the share of their speeds that is left when they train together,
exchanging gradients. Estimated, and cautious."""

_NOT_IN_SPEED = frozenset(
    {
        "epochs",
        "learning_rate",
        "backbone_learning_rate",
        "weight_decay",
        "clip_norm",
        "schedule",
        "warmup_steps",
        "lr_drop_epoch",
        "patience",
        "seed",
        "log_steps",
        "stall_minutes",
        "health_minutes",
    }
)
"""Settings that do not change the speed; any other may."""

_LONG_SIDE = 4 / 3
"""Of a floor plan, by its short side."""
_FP32_FACTOR = 2.0
"""The time of an image in fp32 by its time in bf16. Estimated."""
_RECOMPUTING_FACTOR = 4 / 3
"""The time that activation_checkpointing takes, by the time without it (training_code/config.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Training images per second, evaluations included in the time."""

    images_per_second: float
    source: str
    """Whether it was measured, projected or estimated, and on what."""


def speed_of(
    recipe: str,
    training: TrainingConfig,
    instance_type: str,
    records: Iterable[StageRecord],
    *,
    instance_count: int,
    training_images: int,
) -> Speed:
    """The speed to expect of `recipe` with the settings `training` on all instances; `records` are newest first."""
    alike = [
        record
        for record in records
        if record.recipe == recipe
        and record.instance_type in INSTANCE_TYPES
        and _is_as_fast(record, training, training_images)
    ]
    same = [each for each in alike if (each.instance_type, each.instance_count) == (instance_type, instance_count)]
    if measured := _measured(same, instances_name([instance_type], instance_count)):
        return measured
    kind = INSTANCE_TYPES[instance_type]
    if kind.gpus * instance_count == 1:
        return _from_table(recipe, training, instance_type)
    one = _measured(_on_one_gpu(alike, instance_type), f"one {kind.gpu.name}")
    one = one or _from_table(recipe, training, instance_type)
    efficiency, source = _efficiency(kind.gpus, instance_count, alike)
    gpus = kind.gpus * instance_count
    return Speed(
        images_per_second=one.images_per_second * gpus * efficiency,
        source=f"{one.source}, on one GPU, and {gpus} are {gpus * efficiency:.3g} times as fast, {source}",
    )


def _measured(records: Sequence[StageRecord], name: str) -> Speed | None:
    """The median of the newest; None without records."""
    newest = [record.images_per_second for record in records[:_RECORDS]]
    runs = "the last run" if len(newest) == 1 else f"the last {len(newest)} runs"
    source = f"measured in {runs} on {name}"
    return Speed(images_per_second=statistics.median(newest), source=source) if newest else None


def _from_table(recipe: str, training: TrainingConfig, instance_type: str) -> Speed:
    """On one GPU of the type."""
    gpu = INSTANCE_TYPES[instance_type].gpu.name
    known = GPU_SPEEDS[recipe][gpu]
    source = f"{known.source}: {known.images_per_second:.3g} images/s on one {gpu}"
    by_settings = _work(RECIPES[recipe].training) / _work(training)
    if by_settings != 1:
        source += f", scaled by {by_settings:.3g} to the training's image sizes and arithmetic"
    return Speed(images_per_second=known.images_per_second * by_settings, source=source)


def _on_one_gpu(records: Iterable[StageRecord], instance_type: str) -> list[StageRecord]:
    """Those of jobs on one GPU of the type's model."""
    gpu = INSTANCE_TYPES[instance_type].gpu
    return [
        record
        for record in records
        if (INSTANCE_TYPES[record.instance_type].gpus, record.instance_count) == (1, 1)
        and INSTANCE_TYPES[record.instance_type].gpu == gpu
    ]


def _efficiency(gpus: int, instance_count: int, records: Sequence[StageRecord]) -> tuple[float, str]:
    """The share of the speed of as many single GPUs, and where it is from.

    Measured where there are records of jobs on as many instances with as many GPUs each, and of one such GPU.
    """
    shares = [
        record.images_per_second / (one.images_per_second * gpus * instance_count)
        for record in records
        if (INSTANCE_TYPES[record.instance_type].gpus, record.instance_count) == (gpus, instance_count)
        and (one := _measured(_on_one_gpu(records, record.instance_type), "")) is not None
    ][:_RECORDS]
    if shares:
        return statistics.median(shares), "as in earlier runs"
    return _EFFICIENCY_WITHIN if instance_count == 1 else _EFFICIENCY_ACROSS, "by a cautious estimate"


def _is_as_fast(record: StageRecord, training: TrainingConfig, images: int) -> bool:
    """Whether all settings that may change the speed were the same; those that a record lacks were the recipe's.

    A batch that is measured may be larger in a longer training: a shorter one then counts, too, which was no faster.
    """
    used = {**json_values(RECIPES[record.recipe].training), **record.training}
    if any(used[name] != value for name, value in json_values(training).items() if name not in _NOT_IN_SPEED):
        return False
    if training.batch_size is not None:
        return True
    before = largest_batch(images=record.training_images, epochs=record.epochs)
    return before <= largest_batch(images=images, epochs=training.epochs)


def _work(training: TrainingConfig) -> float:
    """What an image costs in time, by what settings it most depends on: the pixels, and how they are computed with."""
    sides = training.image_short_sides
    long_sides = (min(side * _LONG_SIDE, training.image_max_side) for side in sides)
    pixels = statistics.fmean((long / _LONG_SIDE) * long for long in long_sides)
    recomputing = _RECOMPUTING_FACTOR if training.activation_checkpointing else 1
    return pixels * recomputing * (_FP32_FACTOR if training.precision == "fp32" else 1)


def spot_saving_of(instance_type: str, records: Iterable[StageRecord]) -> float | None:
    """The share that spot saved in the last runs on the type, from 0 to 1; None if there were none."""
    savings = [
        record.spot_saving
        for record in records
        if record.instance_type == instance_type and record.spot_saving is not None
    ][:_RECORDS]
    return statistics.median(savings) if savings else None
