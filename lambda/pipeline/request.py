"""The execution's input: its fields, their defaults, and what is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from pipeline.errors import RequestInvalid
from pipeline.pricing import USD_PER_HOUR


@dataclass(frozen=True, slots=True)
class Preset:
    """What a preset's name stands for."""

    training_preset: str
    """The name of the trainer's configuration, in training_code.config.PRESETS."""
    epochs: int | None
    """None: as many as the trainer's configuration says."""
    max_runtime_hours: float
    """Twice to four times what it should take on the default instance type."""


PRESETS = {
    "test": Preset("room_wall", 5, 6),
    "full": Preset("room_wall", 50, 30),
    "tiny": Preset("tiny", None, 2),
}

MAX_EPOCHS = 1000
MAX_RUNTIME_HOURS = 120
"""SageMaker's default quota for the longest run of a training job: five days."""

CONSOLE_EXTRAS = frozenset({"Comment", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"})
"""What the Step Functions console, and a state machine that starts this one, put beside the request."""

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

WEIGHTS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.(pth|safetensors)")
"""One path segment, which neither a shell nor a tag's value has to quote; the trainer passes over hidden files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the deployment says about requests that leave a field out."""

    dataset_prefix: str
    preset: str
    instance_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One complete, checked request."""

    dataset_prefix: str
    """The data set's folder in the bucket, without a slash at the end."""
    preset: str
    epochs: int | None
    """None: as many as the trainer's configuration says."""
    instance_type: str
    spot: bool
    max_runtime_hours: float
    pretrained: str | None
    """A file below pretrained/ in the bucket. None: the only one there, if the preset's model needs weights."""

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Request:
        """From what to_state() gave; checked then, trusted now."""
        return cls(**state)

    @property
    def training_preset(self) -> str:
        """The name of the trainer's configuration."""
        return PRESETS[self.preset].training_preset

    @property
    def max_runtime_seconds(self) -> int:
        """The longest the job may train; at least one second."""
        return max(1, math.ceil(self.max_runtime_hours * 3600))

    @property
    def max_wait_seconds(self) -> int:
        """A spot job's training and waiting for capacity: as long again as it may train."""
        return 2 * self.max_runtime_seconds


def parse_request(value: object, defaults: Defaults) -> Request:
    """The request that the execution's input asks for; an absent or null field means the default.

    Raises RequestInvalid, with the field's name and what it may be.
    """
    if not isinstance(value, dict):
        raise RequestInvalid(
            f"The execution's input is {_shown(value)}, not an object: start it with {{}} for the defaults, "
            f'or with fields such as {{"preset": "full"}}.'
        )
    fields = {key: item for key, item in value.items() if key not in CONSOLE_EXTRAS and item is not None}
    known = sorted(field for field in Request.__dataclass_fields__)
    for key in value:
        if key not in CONSOLE_EXTRAS and key not in known:
            raise RequestInvalid(f"The input's field {_shown(key)} is not known; allowed are {', '.join(known)}.")
    preset = _one_of("preset", fields.get("preset", defaults.preset), PRESETS)
    return Request(
        dataset_prefix=_dataset_prefix(fields.get("dataset_prefix", defaults.dataset_prefix), defaults.dataset_prefix),
        preset=preset,
        epochs=_epochs(fields.get("epochs", PRESETS[preset].epochs)),
        instance_type=_one_of("instance_type", fields.get("instance_type", defaults.instance_type), USD_PER_HOUR),
        spot=_spot(fields.get("spot", True)),
        max_runtime_hours=_hours(fields.get("max_runtime_hours", PRESETS[preset].max_runtime_hours)),
        pretrained=_pretrained(fields.get("pretrained")),
    )


def _one_of(field: str, value: object, allowed: Mapping[str, object]) -> str:
    if not isinstance(value, str) or value not in allowed:
        _refuse(field, value, f"one of {', '.join(allowed)}")
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


def _epochs(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_EPOCHS:
        _refuse("epochs", value, f"a whole number from 1 to {MAX_EPOCHS}, or null for the preset's own")
    return value


def _spot(value: object) -> bool:
    if not isinstance(value, bool):
        _refuse("spot", value, "true (cheaper, may be interrupted and resumed) or false")
    return value


def _hours(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_RUNTIME_HOURS:
        _refuse("max_runtime_hours", value, f"a number above 0 and up to {MAX_RUNTIME_HOURS}")
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


def _refuse(field: str, value: object, allowed: str) -> NoReturn:
    raise RequestInvalid(f"The input's field {field} is {_shown(value)}; allowed is {allowed}.")


def _shown(value: object) -> str:
    """JSON of at most 60 characters, so that no input floods a log or a message."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."
