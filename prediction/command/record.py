"""The record of a plan: what was found on it and what would have changed that. Written after the plan's other files.

A plan with a record of the same key is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_contract.atomic_write import write_atomically
from dataset_contract.bounded_json import JsonError, parse_bounded
from dataset_contract.bounded_read import read_regular
from prediction.formats.result import PlanResult
from prediction.predictor import Detection

SUFFIX = ".prediction.json"
FORMAT = "floorplan-dino-prediction/1"
"""Another one when the same model finds something else on the same plan."""
_MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """What <plan>.prediction.json holds."""

    key: str
    """The hash of whatever the detections depend on."""
    result: PlanResult
    tiles: int
    """On how many tiles was predicted; 0 on the plan as a whole."""
    files: Mapping[str, str]
    """The key of each other file of the plan, by the suffix of its name."""


def key_of(parts: Mapping[str, object]) -> str:
    """The hash of `parts`, which are JSON."""
    return hashlib.sha256(json.dumps({"format": FORMAT, **parts}, sort_keys=True).encode()).hexdigest()


def write_record(path: Path, record: Record) -> None:
    """Write it, whole or not at all. Raises OSError."""
    result = record.result
    value = {
        "format": FORMAT,
        "plan": result.plan,
        "width": result.width,
        "height": result.height,
        "detections": [
            {"label": each.label, "score": round(each.score, 5), "box": [round(edge, 3) for edge in each.box]}
            for each in result.detections
        ],
        "tiles": record.tiles,
        "key": record.key,
        "files": dict(record.files),
    }
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_record(path: Path) -> Record | None:
    """The record at `path`; None if there is none that can be read."""
    try:
        value = parse_bounded(read_regular(path, _MOST_BYTES, follow=False))
        return _record(value) if value["format"] == FORMAT else None
    except (OSError, JsonError, KeyError, TypeError, ValueError):
        return None


def _record(value: Mapping[str, Any]) -> Record:
    files = {str(suffix): str(key) for suffix, key in value["files"].items()}
    result = PlanResult(str(value["plan"]), int(value["width"]), int(value["height"]), _detections(value["detections"]))
    if min(result.width, result.height) < 1:
        raise ValueError("a picture has a pixel at least")
    return Record(str(value["key"]), result, int(value["tiles"]), files)


def _detections(values: Sequence[Mapping[str, Any]]) -> list[Detection]:
    found = []
    for each in values:
        x0, y0, x1, y1 = map(float, each["box"])
        found.append(Detection(str(each["label"]), float(each["score"]), (x0, y0, x1, y1)))
    return found
