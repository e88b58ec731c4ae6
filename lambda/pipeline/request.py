"""The execution's input: its fields, their defaults, and what is refused."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn, TypeGuard

from dataset_contract.sanitise import sanitise, short
from pipeline.errors import RequestInvalid
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.settings import Defaults
from pipeline.training_field import advice_on, parse_training, settings_to_continue
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
MAX_INSTANCE_TYPES = 5
"""As many as ResourceConfig.InstancePreferences of CreateTrainingJob takes."""
MAX_INSTANCE_COUNT = 16
MAX_GATE_CLASSES = 20
MAX_INPUT_CHARACTERS = 16_384
"""Of JSON: each step gets the execution's input beside its part of the state, and both together may have 256 KB."""

CONSOLE_EXTRAS = frozenset({"Comment", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"})
"""What the Step Functions console and a state machine that starts this one add to the request."""

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

WEIGHTS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.(pth|safetensors)")
"""One path segment, which neither a shell nor a tag's value has to quote; the trainer passes over hidden files."""

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=@-]{0,79}")
"""An execution's, which Step Functions allows 80 characters."""

_CLASS_NAME = re.compile(r"[^\W_][\w .-]{0,62}")


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
            for epochs, settings in _preset_stages(self.preset, self.epochs, self.continue_from)
        )


def _preset_stages(
    preset: str, epochs: int | None, continue_from: str | None
) -> list[tuple[int, Mapping[str, object]]]:
    """The epochs of each stage, and the settings over which the request's `training` goes."""
    counts = PRESETS[preset].epochs if epochs is None else (epochs,)
    common = settings_to_continue(PRESETS[preset].recipe) if continue_from else {}
    stages = zip(counts, PRESETS[preset].settings, strict=True)
    return [(count, {**common, **settings}) for count, settings in stages]


FIELDS = tuple(name for name in Request.__dataclass_fields__ if name != "gate_is_default")
"""What a person may set."""


def parse_request(value: object, defaults: Defaults) -> Request:
    """The request that the execution's input asks for; an absent or null field means the default.

    Raises RequestInvalid, with the field's name and what it may be.
    """
    if not isinstance(value, dict):
        raise RequestInvalid(
            f"The execution's input is {_shown(value)}, not an object: start it with {{}} for the defaults, "
            f'or with fields such as {{"preset": "full"}}.'
        )
    if (size := _size(value)) > MAX_INPUT_CHARACTERS:
        raise RequestInvalid(
            f"The execution's input has {size:,} characters of JSON, more than the {MAX_INPUT_CHARACTERS:,} that are "
            "read: start it with the request's fields only."
        )
    fields = {key: item for key, item in value.items() if key not in CONSOLE_EXTRAS and item is not None}
    for key in value:
        if key not in CONSOLE_EXTRAS and key not in FIELDS:
            raise RequestInvalid(f"The input's field {_shown(key)} {advice_on(key, FIELDS)}")
    preset = _preset(fields.get("preset", defaults.preset))
    epochs = _epochs(fields.get("epochs"), preset)
    continue_from = _continue_from(fields.get("continue_from"), pretrained=fields.get("pretrained"))
    return Request(
        dataset_prefix=_dataset_prefix(fields.get("dataset_prefix", defaults.dataset_prefix), defaults.dataset_prefix),
        preset=preset,
        epochs=epochs,
        instance_types=_instance_types(fields.get("instance_types", [defaults.instance_type])),
        instance_count=_instance_count(fields.get("instance_count", 1)),
        spot=_spot(fields.get("spot", True)),
        max_cost_usd=_max_cost_usd(
            fields.get("max_cost_usd", min(PRESETS[preset].max_cost_usd, defaults.highest_cost_usd)),
            defaults.highest_cost_usd,
        ),
        quality_gate=parse_quality_gate(fields.get("quality_gate", dict(defaults.quality_gate))),
        gate_is_default="quality_gate" not in fields,
        pretrained=_pretrained(fields.get("pretrained")),
        continue_from=continue_from,
        training=parse_training(
            fields.get("training", {}),
            recipe=PRESETS[preset].recipe,
            stages=[{**settings, "epochs": count} for count, settings in _preset_stages(preset, epochs, continue_from)],
            fields=FIELDS,
        ),
    )


def parse_quality_gate(value: object) -> dict[str, float]:
    """Class name -> least F1, from a request or from the deployment's default. Raises RequestInvalid."""
    entries = value.items() if isinstance(value, dict) else ()
    gate = {
        name: float(least)
        for name, least in entries
        if isinstance(name, str) and _CLASS_NAME.fullmatch(name) and _is_number(least) and 0 <= least <= 1
    }
    if not isinstance(value, dict) or len(gate) < len(value) or len(gate) > MAX_GATE_CLASSES:
        _refuse(
            "quality_gate",
            value,
            'an object of class names and the least F1 of each, from 0 to 1, such as {"room": 0.895}; '
            "{} only compares with the last accepted model",
        )
    return gate


def _preset(value: object) -> str:
    if not isinstance(value, str) or value not in PRESETS:
        _refuse("preset", value, f"one of {', '.join(PRESETS)}")
    return value


def _dataset_prefix(value: object, home: str) -> str:
    """Only what starts with the configured prefix, since the training job's role can read nothing else."""
    prefix = value.removesuffix("/") if isinstance(value, str) else ""
    if not _PREFIX.fullmatch(prefix) or not prefix.startswith(home) or len(prefix) > 200:
        _refuse(
            "dataset_prefix",
            value,
            f"a folder of the bucket that starts with {home}, such as {home}-2, "
            "of letters, digits, dots, hyphens and underscores",
        )
    return prefix


def _epochs(value: object, preset: str) -> int | None:
    stages = PRESETS[preset].epochs
    if value is None:
        return stages[0] if len(stages) == 1 else None
    if len(stages) > 1:
        has = " and ".join(map(str, stages))
        _refuse("epochs", value, f"nothing with the preset {preset}, whose stages have {has}")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_EPOCHS:
        _refuse("epochs", value, f"a whole number from 1 to {MAX_EPOCHS}, or null for the preset's own")
    return value


def _instance_types(value: object) -> tuple[str, ...]:
    types = value if isinstance(value, list) and 1 <= len(value) <= MAX_INSTANCE_TYPES else [None]
    names = tuple(name for name in types if isinstance(name, str) and name in INSTANCE_TYPES)
    if len(names) < len(types) or len(set(names)) < len(names):
        _refuse(
            "instance_types",
            value,
            f"a list of one to {MAX_INSTANCE_TYPES} different ones, in the order in which they are tried, "
            f"out of {', '.join(INSTANCE_TYPES)}",
        )
    if len({INSTANCE_TYPES[name].gpus for name in names}) > 1:
        gpus = ", ".join(f"{name} with {INSTANCE_TYPES[name].gpus}" for name in names)
        _refuse(
            "instance_types",
            value,
            "only types with equally many GPUs, since a job goes on from the checkpoints of as many processes: "
            f"these are {gpus}",
        )
    return names


def _instance_count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_INSTANCE_COUNT:
        _refuse("instance_count", value, f"a whole number from 1 to {MAX_INSTANCE_COUNT}")
    return value


def _spot(value: object) -> bool:
    if not isinstance(value, bool):
        _refuse("spot", value, "true (cheaper, may be interrupted and resumed) or false")
    return value


def _max_cost_usd(value: object, highest: int) -> float:
    if not _is_number(value) or not 0 < value <= highest:
        _refuse(
            "max_cost_usd",
            value,
            f"a number of US dollars above 0 and up to {highest}, the deployment's highest_cost_usd (cdk.json)",
        )
    return float(value)


def _pretrained(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not WEIGHTS_NAME.fullmatch(value):
        _refuse(
            "pretrained",
            value,
            "the name, without a path, of a .pth or .safetensors file in the bucket's folder pretrained/, "
            "such as resnet50-0676ba61.pth, or null for the only one there",
        )
    return value


def _continue_from(value: object, *, pretrained: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _RUN_NAME.fullmatch(value):
        _refuse("continue_from", value, "the name of an earlier run, as `python -m runs` lists it, or null")
    if pretrained is not None:
        _refuse("continue_from", value, "nothing beside pretrained: the weights are those of the earlier run")
    return value


def _is_number(value: object) -> TypeGuard[int | float]:
    """A JSON number; in Python, bool is an int as well."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse(field: str, value: object, allowed: str) -> NoReturn:
    raise RequestInvalid(f"The input's field {field} is {_shown(value)}; allowed is {allowed}.")


def _size(value: object) -> int:
    try:
        return len(json.dumps(value, default=repr))
    except (RecursionError, ValueError):  # nested too deeply, or thousands of digits: no field takes that
        return 0


def _shown(value: object) -> str:
    """JSON of at most 60 characters, so that no input floods a log or a message."""
    try:
        return sanitise(json.dumps(value, default=repr), longest=60)
    except (RecursionError, ValueError):  # it is nested too deeply, or has a number of thousands of digits
        return short(value)
