"""Writes what becomes model.tar.gz: model.safetensors, config.json, metrics.json, history.jsonl and code/.

loop/model_export.py adds model.onnx, loop/health_file.py health.json, loop/baselines.py comparison.json. Readers:
prediction/ (the model), training_code/job/earlier_model.py (continue_from), lambda/pipeline/model/artifact_metrics.py
(the gate), runs/fetch.py and demo/.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from dataset_contract.atomic_write import atomic_path, write_atomically
from dataset_contract.coco import Category
from evaluation.metrics import class_thresholds
from prediction.image_tensors import MEAN, STD
from prediction.model_folder import MODEL_FORMAT
from prediction.torch_model import weights_by_name
from training_code.dino.model import DINO
from training_code.job.checkpoint_layout import HISTORY, METRICS
from training_code.job.hyperparameters import JobConfig
from training_code.job.prediction_files import PREDICTION_FILES

ROOT = Path(__file__).resolve().parents[2]
PREDICTION_CODE = (
    *PREDICTION_FILES,
    "image_reader",
    "dataset_contract/__init__.py",
    "dataset_contract/bounded_json.py",
    "dataset_contract/bounded_read.py",
    "dataset_contract/file_kinds.py",
    "dataset_contract/out_of_memory.py",
    "dataset_contract/png.py",
    "dataset_contract/sanitise.py",
    "training_code/__init__.py",
    "training_code/config.py",
    "training_code/config_checks.py",
    "training_code/model_config.py",
    "training_code/dino",
)
"""Predictor and what it imports, with any backend; the command stays in the checkout."""


def write_artifact(
    folder: Path,
    *,
    model: DINO,
    job: JobConfig,
    categories: Sequence[Category],
    dataset_version: str,
    history: Iterable[str],
    metrics: Mapping[str, Any],
) -> None:
    """Write model.safetensors, config.json, metrics.json, history.jsonl and code/ below `folder`.

    `history` are the lines of history.jsonl, one an update; `metrics` are those of `model`, with its epoch.
    """
    thresholds = class_thresholds(metrics)
    folder.mkdir(parents=True, exist_ok=True)
    _copy_code(folder / "code")
    steps = write_lines(folder / HISTORY, history)
    write_json(folder / METRICS, {**metrics, "dataset_version": dataset_version})
    with atomic_path(folder / "model.safetensors") as weights:
        save_file(weights_by_name(model), weights)
    config = {
        "format": MODEL_FORMAT,
        "recipe": job.recipe,
        "model": dataclasses.asdict(model.config),
        "training": dataclasses.asdict(job.training),
        "classes": [
            {"id": category.id, "name": category.name, "threshold": thresholds[category.name]}
            for category in categories
        ],
        "image": {
            "short_side": job.training.prediction_short_side,
            "max_side": job.training.image_max_side,
            "mean": MEAN,
            "std": STD,
        },
        "dataset_version": dataset_version,
        "steps": steps,
        "epoch": metrics["epoch"],
    }
    write_json(folder / "config.json", config)  # last: a folder without it is not a model


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write `lines`, whole or not at all, and return their number."""
    text = [f"{line}\n" for line in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(text))
    return len(text)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def _copy_code(target: Path) -> None:
    for name in PREDICTION_CODE:
        source, copy = ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, copy)
