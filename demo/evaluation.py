"""Compares the run's model with a deliberately worse one, and writes the report: what `python -m evaluation` gives."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from dataset_contract.atomic_write import write_atomically
from evaluation.comparison import compare
from evaluation.dataset import EvaluatedDataset, load_dataset
from evaluation.detections import ModelDetections
from evaluation.report import REPORT, report_files
from evaluation.results.given_names import ClassNames
from evaluation.sources.reading import read_model
from terminal.console import Terminal

DROPPED = 0.5
"""Of the model's detections, the share that the worse one lacks."""
MOVED = 0.15
"""Of its side, the standard deviation by which each box of the worse one is moved."""
REMARK = (
    "its worse copy is deliberately bad and no model: the demo made it of this run's detections, of which it dropped "
    "half and moved the rest, so that there is something to compare."
)
SPLIT = "test"
_SEED = 1


def write_evaluation(dataset_root: Path, model: Path, scratch: Path, folder: Path, console: Terminal) -> Path:
    """Write report.html and labels.csv on the test split to `folder`; return the page's path. Raises EvaluationError.

    The worse model is a COCO results file in `scratch`.
    """
    dataset, results = load_dataset(dataset_root, SPLIT), scratch / "worse.json"
    ours = read_model("this run", [str(model)], None, dataset, SPLIT, needs_validation=True, console=console)
    results.write_text(json.dumps(worse_results(ours, dataset)))
    names, given = ClassNames(dataset.class_ids(SPLIT), from_zero=False), [str(results)]
    worse = read_model("its worse copy", given, names, dataset, SPLIT, needs_validation=True, console=console)
    compared = compare(dataset, SPLIT, [ours, worse], remarks=[REMARK])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in report_files(compared).items():
        write_atomically(folder / name, text)
    return folder / REPORT


def worse_results(model: ModelDetections, dataset: EvaluatedDataset) -> list[dict[str, Any]]:
    """The model's detections as a COCO results file has them, some of them dropped and all others moved."""
    rng = random.Random(_SEED)
    entries = []
    for split, found in model.splits.items():
        truth, ids = dataset.truth(split), {name: number for number, name in dataset.class_ids(split).items()}
        for row in range(len(found)):
            if rng.random() < DROPPED:
                continue
            plan = truth.plans[found.plan[row]]
            x, y, width, height = found.boxes[row].tolist()
            width, height = min(width, plan.width), min(height, plan.height)
            left = min(max(0.0, x + rng.gauss(0, MOVED) * width), plan.width - width)
            top = min(max(0.0, y + rng.gauss(0, MOVED) * height), plan.height - height)
            number = ids[truth.classes[found.label[row]]]
            score = float(found.scores[row])
            entries.append(
                {"image_id": plan.id, "category_id": number, "bbox": [left, top, width, height], "score": score}
            )
    return entries
