"""What the benchmarks of the training share: a data set of sample plans, a job that trains `tiny`, its detections."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.measuring import ROOT, processor
from dataset_contract.coco import CocoDataset
from evaluation.metrics import ImageDetections
from prediction.predictor import Predictor
from training_code.data.geometry import LabelledImage, turn


def prepare(plans: Path, dataset: Path) -> None:
    """Make a data set of `plans` by the lists of its splits."""
    command = [ROOT / "dataset_prep" / "run.py", "--source", plans, "--output", dataset, "--split", "official"]
    subprocess.run([sys.executable, *map(str, command)], check=True)


def train_tiny(job: Path, dataset: Path, hyperparameters: Mapping[str, str]) -> Path:
    """Run a training job of `tiny` in the folder `job`, evaluated at its end; returns the folder of its model."""
    (job / "input" / "data").mkdir(parents=True)
    (job / "input" / "data" / "dataset").symlink_to(dataset)
    settings = job / "input" / "config" / "hyperparameters.json"
    settings.parent.mkdir()
    settings.write_text(
        json.dumps({"recipe": "tiny", "evaluation_epochs": hyperparameters["epochs"], **hyperparameters})
    )
    train = [sys.executable, "-m", "training_code.train"]
    subprocess.run(train, cwd=ROOT, env={**os.environ, "SAGEMAKER_BASE_DIR": str(job)}, check=True)
    return job / "model"


def detect(predictor: Predictor, folder: Path, truth: CocoDataset, *, quarter_turns: int = 0) -> list[ImageDetections]:
    """All detections on each image of `truth`, whose files are below `folder`.

    They are what is found on the image after so many turns by 90 degrees, turned back.
    """
    ids = {category.name: category.id for category in truth.categories}
    detections = []
    for image in truth.images:
        picture = Image.open(folder / image.file_name).convert("RGB")
        nothing = LabelledImage(picture, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
        turned = turn(nothing, quarter_turns).image
        found = predictor.predict(turned, threshold=0.0)
        boxes = np.array([detection.box for detection in found], dtype=np.float32).reshape(-1, 4)
        labels = np.array([ids[detection.label] for detection in found], dtype=np.int64)
        back = turn(LabelledImage(turned, boxes, labels), 4 - quarter_turns)
        scores = np.array([detection.score for detection in found], dtype=np.float32)
        detections.append(ImageDetections(image.id, scores, back.labels, back.boxes))
    return detections


def machine() -> dict[str, str | int | None]:
    """Where it was measured; `tiny` itself trains on one thread."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
