"""Shows that the whole chain learns: `tiny` overfits 8 sample plans on the CPU, and finds their walls and rooms again.

    python benchmarks/overfit_tiny.py

Prints AP50 on the plans it was trained on, and writes it with the machine to benchmarks/results/overfit_tiny.json.
The goal is more than 0.5 within minutes.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.measuring import RESULTS, ROOT, processor
from dataset_contract.load import load_split
from dataset_prep.samples import write_samples
from evaluation.metrics import ImageDetections, evaluate
from prediction.predictor import Predictor
from training_code.recipes import RECIPES


def main() -> None:
    parser = argparse.ArgumentParser(description="Overfit 8 sample plans and print AP50 on them.")
    parser.add_argument("--epochs", type=int, default=150, help="default: 150, which are 1200 steps")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder)
        dataset = job / "input" / "data" / "dataset"
        write_samples(job / "plans", count=10, seed=3)  # whose own split is 8, 1 and 1
        prepare = [ROOT / "dataset_prep" / "run.py", "--source", job / "plans", "--output", dataset]
        subprocess.run([sys.executable, *map(str, prepare), "--split", "official"], check=True)
        hyperparameters = {
            "recipe": "tiny",
            "epochs": str(options.epochs),
            "evaluation_epochs": str(options.epochs),
            "horizontal_flip": "false",
            "log_steps": "20",
        }
        settings = job / "input" / "config" / "hyperparameters.json"
        settings.parent.mkdir()
        settings.write_text(json.dumps(hyperparameters))
        start = time.monotonic()
        train = [sys.executable, "-m", "training_code.train"]
        subprocess.run(train, cwd=ROOT, env={**os.environ, "SAGEMAKER_BASE_DIR": str(job)}, check=True)
        seconds = time.monotonic() - start
        report(job / "model", dataset, seconds)


def report(model: Path, dataset: Path, seconds: float) -> None:
    """Predict on the training plans; print and keep what was found."""
    predictor = Predictor.load(model)
    truth = load_split(dataset, "train")
    ids = {category.name: category.id for category in truth.categories}
    detections = []
    for image in truth.images:
        found = predictor.predict(Image.open(dataset / "train" / image.file_name), threshold=0.0)
        detections.append(
            ImageDetections(
                image.id,
                np.array([detection.score for detection in found], dtype=np.float32),
                np.array([ids[detection.label] for detection in found], dtype=np.int64),
                np.array([detection.box for detection in found], dtype=np.float32).reshape(-1, 4),
            )
        )
    metrics = evaluate(truth, detections, max_detections=RECIPES["tiny"].model.num_queries)
    steps = json.loads((model / "config.json").read_text())["steps"]
    classes = {name: round(figures["ap50"], 4) for name, figures in metrics["classes"].items()}
    result = {
        "plans": metrics["images"],
        "boxes": metrics["boxes"],
        "steps": steps,
        "seconds": round(seconds),
        "ap50": round(metrics["ap50"], 4),
        "ap50_by_class": classes,
        "f1": round(metrics["f1"], 4),
        "machine": {  # the training itself uses one thread
            "processor": processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "overfit_tiny.json").write_text(json.dumps(result, indent=2) + "\n")
    by_class = ", ".join(f"{name} {value:.3f}" for name, value in classes.items())
    print(f"{metrics['images']} plans, {steps} steps in {seconds:.0f} s: AP50 {metrics['ap50']:.3f} ({by_class})")


if __name__ == "__main__":
    main()
