"""A baseline: results files of another model, and the names of its classes, in a folder of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dataset_contract.sanitise import sanitise
from dataset_contract.strict_json import json_size
from evaluation.refusal import EvaluationError
from evaluation.results.found_boxes import FoundBoxes, check_not_empty, joined
from evaluation.results.given_names import ClassNames, names_of
from evaluation.results.plan_index import PlanIndex
from evaluation.results.results_file import read_results

COMPARISON, COMPARISON_FORMAT = "comparison.json", "floorplan-dino-baselines/1"
"""What the training job writes beside its model."""
SPLIT = "test"
"""On which models are compared."""
NAMES_FILE = "classes.txt"
HOW_TO_NAME = f"one name a line, in a file {NAMES_FILE} beside it"
"""The end of a sentence that asks for names."""
MAX_BYTES = 64 << 20
"""Of all files of a baseline; 300 detections on each of 421 plans have some 20 MB."""
MAX_JSON_SIZE = 8_000_000
"""Of the same files, by json_size(): within both limits a function of 1,769 MB holds whatever is in them."""
MAX_ON_A_PLAN = 3_000
"""Detections. Each is compared with each other one of its plan."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the files say."""

    boxes: FoundBoxes
    names: ClassNames | None
    """None: there is no list of names."""


def is_of_baseline(file: str) -> bool:
    """Whether a file in the folder is read; others, such as the plots beside Ultralytics' results, are not."""
    return file == NAMES_FILE or file.lower().endswith(".json")


def check_files(sizes: Mapping[str, int]) -> None:
    """Raise EvaluationError if files of these bytes cannot be a baseline."""
    if not sizes.keys() - {NAMES_FILE}:
        raise EvaluationError("it has no .json file: give it a COCO results file or Ultralytics' predictions.json.")
    if (total := sum(sizes.values())) > MAX_BYTES:
        raise EvaluationError(
            f"it has {total:,} bytes, more than the {MAX_BYTES:,} that are read: predict again with fewer detections "
            "(conf, max_det)."
        )


def read_baseline(files: Mapping[str, bytes], plans: PlanIndex) -> Baseline:
    """The files, by their names, that is_of_baseline() and check_files() let pass.

    Raises EvaluationError if they are not what a baseline has, or about other plans.
    """
    results = {file: files[file] for file in sorted(files) if file != NAMES_FILE}
    if sum(map(json_size, results.values())) > MAX_JSON_SIZE:
        raise EvaluationError("it has more values than are read: predict again with fewer detections (conf, max_det).")
    names = _names(files[NAMES_FILE]) if NAMES_FILE in files else None
    boxes = joined("baseline", [read_results(file, data, plans) for file, data in results.items()])
    check_not_empty(boxes, SPLIT)
    ((image_id, most),) = Counter(place.image.id for place in boxes.places).most_common(1)
    if most > MAX_ON_A_PLAN:
        raise EvaluationError(
            f"{boxes.file} has {most:,} detections on the plan {image_id}, more than {MAX_ON_A_PLAN:,}: predict again "
            "with fewer (conf, max_det)."
        )
    return Baseline(boxes, names)


def _names(data: bytes) -> ClassNames:
    try:
        lines = data.decode("utf-8-sig").strip().splitlines()
    except UnicodeDecodeError:
        raise EvaluationError(f"{NAMES_FILE} is not UTF-8: save it as UTF-8.") from None
    names = names_of(lines)
    if names is None:
        raise EvaluationError(
            f"{NAMES_FILE} needs a name on each line, each once, such as room or 1:room, not "
            f"{sanitise(' / '.join(lines[:5]), longest=100)!r}."
        )
    return names
