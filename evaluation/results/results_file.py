"""Reads a COCO results file and Ultralytics' predictions.json: a list of boxes with image_id, category_id and score.

Ultralytics (`yolo val save_json=True`) names the image by its file: `image_id` is the name without its ending, as a
number where it is one. Since August 2025 there is `file_name` too. `category_id` is the class's index in data.yaml,
plus 1 since December 2024: so a file with `file_name` counts from 1 or has ids of its own; one without it may count
from 0.
"""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from dataset_contract.bounded_json import JsonError, parse_bounded
from dataset_contract.bounded_read import read_regular
from dataset_contract.sanitise import sanitise, short
from evaluation.refusal import EvaluationError
from evaluation.results.found_boxes import FoundBoxes, check_plans
from evaluation.results.plan_index import PlanIndex

MAX_BYTES = 256 << 20
"""300 detections on each of 421 plans have some 20 MB."""


def read_results_file(path: Path, plans: PlanIndex) -> FoundBoxes:
    """The detections in the file. Raises EvaluationError if it is not such a list, or about other images."""
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read ({sanitise(error.strerror or error)}).") from None
    return read_results(str(path), data, plans)


def read_results(file: str, data: bytes, plans: PlanIndex) -> FoundBoxes:
    """The same of a file's bytes; `file` names it in sentences."""
    try:
        content = parse_bounded(data)
    except JsonError as error:
        raise EvaluationError(f"{file} cannot be used, since {error}: write the results again.") from None
    if not isinstance(content, list):
        raise EvaluationError(
            f"{file} holds {short(content)}, not a list of detections: give a COCO results file or Ultralytics' "
            "predictions.json."
        )
    by_ultralytics = bool(content) and all(isinstance(item, dict) and "file_name" in item for item in content)
    boxes = FoundBoxes(file, starts=(1,) if by_ultralytics else (0, 1), own_ids=True)
    unknown: set[str] = set()
    ids: set[int] = set()
    for number, item in enumerate(content, start=1):
        where = f"{file}, entry {number:,},"
        if not isinstance(item, dict) or not {"image_id", "category_id", "bbox", "score"} <= item.keys():
            raise EvaluationError(f"{where} lacks one of image_id, category_id, bbox and score: write the file again.")
        image_id, category_id, box = item["image_id"], item["category_id"], item["bbox"]
        if type(image_id) not in (int, str) or type(category_id) is not int or not isinstance(box, list):
            raise EvaluationError(
                f"{where} has the image_id {short(image_id)}, the category_id {short(category_id)} and the bbox "
                f"{short(box)}: a number or name, a number and a list are needed."
            )
        if "id" in item and isinstance(item["id"], int):
            if item["id"] in ids:
                raise EvaluationError(f"{where} has the id {item['id']} of an earlier entry: each may occur once.")
            ids.add(item["id"])
        # A file's name may have folders of either system.
        stem = PureWindowsPath(str(item["file_name"])).stem if by_ultralytics else None
        place = plans.place_of(image_id if stem is None else stem)
        if place is None:
            unknown.add(str(image_id if stem is None else stem))
        else:
            boxes.add(where, place, category_id, item["score"], box)
    check_plans(file, unknown, len({place.image.id for place in boxes.places}), plans)
    return boxes
