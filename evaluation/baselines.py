"""Compares a model with baselines on the test split: a process of its own, at the end of a training job.

python -m evaluation.baselines FOLDER    # reads QUESTION and DETECTIONS there, writes COMPARISON

Whatever a baseline makes it do, take all memory, hang or fail, the job that waits for it goes on.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dataset_contract.atomic_write import write_atomically
from dataset_contract.bounded_read import read_regular
from dataset_contract.layout import annotations_path
from dataset_contract.load import load_split
from dataset_contract.sanitise import sanitise
from evaluation.comparison import Difference, compare
from evaluation.dataset import EvaluatedDataset
from evaluation.detections import VALIDATION, Detections, ModelDetections
from evaluation.lenient import CONFIDENCE
from evaluation.metrics_json import differences_json
from evaluation.refusal import EvaluationError
from evaluation.results.baseline_files import (
    COMPARISON,
    COMPARISON_FORMAT,
    HOW_TO_NAME,
    MAX_BYTES,
    SPLIT,
    check_files,
    is_of_baseline,
    read_baseline,
)
from evaluation.results.model_of_files import model_of_files
from evaluation.results.plan_index import PlanIndex
from evaluation.sentences import difference_sentence, notes

QUESTION, DETECTIONS = "question.json", "detections.npz"
NEW_MODEL = "the new model"
"""What sentences call the model; no baseline has blanks in its name."""
MOST_MEMORY = 8 << 30
"""Bytes of address space: half of what the smallest instance has."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be compared."""

    dataset: str
    """The data set's folder."""
    baselines: str
    """A folder with one for each baseline."""
    thresholds: Mapping[str, float]
    """The model's own, by class."""


def compare_with_baselines(question: Question, found: Mapping[str, Any]) -> dict[str, Any]:
    """The content of COMPARISON, documented in docs/evaluation.md.

    `found` are the model's n detections on SPLIT: `image_ids` (n,), `labels` (n,) category ids, `scores` (n,) and
    `boxes` (n, 4) as x0, y0, x1, y1 in pixels of the plan.
    """
    root = Path(question.dataset)
    splits = {name: load_split(root, name) for name in (VALIDATION, SPLIT) if (root / annotations_path(name)).exists()}
    dataset = EvaluatedDataset(root, splits, PlanIndex.of("the data set", splits))
    ours = _new_model(dataset, question.thresholds, found)
    compared: dict[str, Any] = {}
    not_compared: dict[str, str] = {}
    for folder in sorted(Path(question.baselines).iterdir()):
        try:
            compared[folder.name] = _compare(dataset, ours, folder)
        except EvaluationError as error:
            not_compared[folder.name] = str(error)
        except MemoryError:
            not_compared[folder.name] = f"it takes more than {MOST_MEMORY >> 30} GiB of memory."
        except Exception as error:  # the other baselines can still be compared
            traceback.print_exc()
            not_compared[folder.name] = f"the comparison failed ({_kind(error)}); the job's log has the traceback."
    plans = len(splits[SPLIT].images)
    return {
        "format": COMPARISON_FORMAT,
        "split": SPLIT,
        "plans": plans,
        "baselines": compared,
        "not_compared": not_compared,
    }


def _new_model(dataset: EvaluatedDataset, thresholds: Mapping[str, float], found: Mapping[str, Any]) -> ModelDetections:
    truth, names = dataset.truth(SPLIT), dataset.class_ids(SPLIT)
    label_of = {number: truth.classes.index(name) for number, name in names.items()}
    corners = np.asarray(found["boxes"], dtype=np.float64).reshape(-1, 4)
    detections = Detections.of(
        [dataset.plans.by_id[number].index for number in found["image_ids"].tolist()],
        [label_of[number] for number in found["labels"].tolist()],
        found["scores"],
        np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]]),
    )
    return ModelDetections(NEW_MODEL, {SPLIT: detections}, thresholds, (), ())


def _compare(dataset: EvaluatedDataset, ours: ModelDetections, folder: Path) -> dict[str, Any]:
    """Raises EvaluationError if the baseline in `folder` cannot be compared."""
    if not any(not annotation.iscrowd for annotation in dataset.splits[SPLIT].annotations):
        raise EvaluationError(f"the {SPLIT} split of the data set has no boxes to find.")
    paths = [path for path in sorted(folder.iterdir()) if is_of_baseline(path.name)]
    check_files({path.name: path.stat().st_size for path in paths})
    baseline = read_baseline({path.name: read_regular(path, MAX_BYTES) for path in paths}, dataset.plans)
    theirs = model_of_files(folder.name, [baseline.boxes], baseline.names, dataset, SPLIT, how_to_name=HOW_TO_NAME)
    classes = [name for name in dataset.truth(SPLIT).classes if name not in theirs.unknown_classes]
    comparison = compare(dataset, SPLIT, [ours, theirs], classes=classes)
    sentences = [_sentence(each) if each.figure == "f1" else None for each in comparison.differences]
    unknown = ", ".join(map(sanitise, theirs.unknown_classes[:5]))
    return {
        "classes": list(comparison.truth.classes),
        "differences": [
            row | ({"sentence": sentence} if sentence else {})
            for row, sentence in zip(differences_json(comparison), sentences, strict=True)
        ],
        "notes": [
            *([f"{folder.name} does not know {unknown}, which is not compared."] if unknown else []),
            *notes(comparison, more_results=f"put its results on {VALIDATION} beside them in {{name}}/"),
            f"By the lenient rule both count from the confidence {CONFIDENCE:g} on.",
        ],
    }


def _sentence(difference: Difference) -> str:
    sentence = difference_sentence(difference)
    return f"T{sentence[1:]}" if sentence.startswith(NEW_MODEL) else sentence


def _kind(error: Exception) -> str:
    return sanitise(f"{type(error).__name__}: {error}", longest=200)


def main(folder: Path) -> None:
    """Answer the question in `folder`."""
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with np.load(folder / DETECTIONS) as found:
        compared = compare_with_baselines(Question(**json.loads((folder / QUESTION).read_text())), dict(found))
    write_atomically(folder / COMPARISON, json.dumps(compared, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
