"""The execution's input: what is read of it, and what is refused."""

import json
import re
from typing import NoReturn, TypeGuard

from dataset_contract.sanitise import sanitise, short
from pipeline.errors import RequestInvalid
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.request import (
    FIELDS,
    MAX_EPOCHS,
    MAX_INSTANCE_COUNT,
    PRESETS,
    WEIGHTS_NAME,
    Request,
    preset_stages,
)
from pipeline.settings import Defaults
from pipeline.training_field import advice_on, parse_training

MAX_INSTANCE_TYPES = 5
"""As many as ResourceConfig.InstancePreferences of CreateTrainingJob takes."""
MAX_GATE_CLASSES = 20
MAX_INPUT_CHARACTERS = 16_384
"""Of JSON: each step gets the execution's input beside its part of the state, and both together may have 256 KB."""

CONSOLE_EXTRAS = frozenset({"Comment", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"})
"""What the Step Functions console and a state machine that starts this one add to the request."""

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+=@-]{0,79}")
"""An execution's, which Step Functions allows 80 characters."""

_CLASS_NAME = re.compile(r"[^\W_][\w .-]{0,62}")


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
            stages=[{**settings, "epochs": count} for count, settings in preset_stages(preset, epochs, continue_from)],
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
