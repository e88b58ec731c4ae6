"""Reads the folder of labels that Ultralytics writes (`yolo val save_txt=True save_conf=True`): one file a plan.

A line is `class x y width height confidence`: the class's index in data.yaml from 0 on, the box's centre and size as
shares of the image. A plan on which nothing is found has no file.
"""

from __future__ import annotations

import math
from pathlib import Path

from dataset_contract.bounded_read import read_regular
from dataset_contract.sanitise import sanitise, short
from evaluation.refusal import EvaluationError
from evaluation.results.found_boxes import FoundBoxes, check_plans
from evaluation.results.plan_index import Place, PlanIndex

MAX_FILE_BYTES = 4 << 20
"""A line has some 50 bytes."""
_COLUMNS = 6
_MAX_INDEX = 10_000


def read_label_files(folder: Path, plans: PlanIndex) -> FoundBoxes:
    """The detections in the folder's .txt files. Raises EvaluationError, also for a file of another image."""
    boxes = FoundBoxes(str(folder), starts=(0,))
    unknown: set[str] = set()
    seen: dict[int, Path] = {}
    for path in sorted(folder.glob("*.txt")):
        place = plans.place_of(path.stem)
        if place is None:
            unknown.add(path.name)
            continue
        other = seen.setdefault(place.image.id, path)
        if other != path:
            raise EvaluationError(f"{other} and {path.name} are both of the plan {place.image.id}: remove one of them.")
        _read_file(path, place, boxes)
    if not seen and not unknown:
        raise EvaluationError(
            f"{folder} has neither .txt files, as Ultralytics writes them with save_txt=True save_conf=True, nor the "
            "config.json and model.safetensors of a trained model."
        )
    check_plans(str(folder), unknown, len(seen), plans)
    return boxes


def _read_file(path: Path, place: Place, boxes: FoundBoxes) -> None:
    try:
        lines = read_regular(path, MAX_FILE_BYTES).decode("utf-8-sig").splitlines()
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read ({sanitise(error.strerror or error)}).") from None
    except UnicodeDecodeError:
        raise EvaluationError(f"{path} is not text: write the labels again.") from None
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        where = f"{path}, line {number:,},"
        if not parts:
            continue
        if len(parts) == _COLUMNS - 1:
            raise EvaluationError(f"{where} has no confidence: write the labels again with save_conf=True.")
        index, values = _numbers(parts)
        if len(parts) != _COLUMNS or index is None or values is None:
            raise EvaluationError(
                f"{where} is not a class's index, four numbers and a confidence: {short(line)}; write the labels again."
            )
        across, down, width, height, confidence = values
        image = place.image
        corner = ((across - width / 2) * image.width, (down - height / 2) * image.height)
        boxes.add(where, place, index, confidence, (*corner, width * image.width, height * image.height))


def _numbers(parts: list[str]) -> tuple[int | None, list[float] | None]:
    try:
        index, values = float(parts[0]), [float(part) for part in parts[1:]]
    except ValueError:
        return None, None
    whole = index.is_integer() and 0 <= index < _MAX_INDEX if math.isfinite(index) else False
    return int(index) if whole else None, values
