"""Shows that the whole chain learns: `tiny` overfits 8 sample plans on the CPU, and finds their walls and rooms again.

    python benchmarks/overfit_tiny.py

Prints AP50 on the plans it was trained on, and writes it with the machine to benchmarks/results/overfit_tiny.json.
The goal is more than 0.5 within minutes.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import RESULTS
from benchmarks.training import detect, machine, prepare, train_tiny
from dataset_contract.load import load_split
from dataset_prep.samples import write_samples
from evaluation.metrics import evaluate
from prediction.predictor import Predictor
from training_code.recipes import RECIPES


def main() -> None:
    parser = argparse.ArgumentParser(description="Overfit 8 sample plans and print AP50 on them.")
    parser.add_argument("--epochs", type=int, default=150, help="default: 150, which are 1200 steps")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plans, dataset = Path(folder) / "plans", Path(folder) / "dataset"
        write_samples(plans, count=10, seed=3)  # whose own split is 8, 1 and 1
        prepare(plans, dataset)
        start = time.monotonic()
        hyperparameters = {"epochs": str(options.epochs), "horizontal_flip": "false", "log_steps": "20"}
        model = train_tiny(Path(folder) / "job", dataset, hyperparameters)
        report(model, dataset, time.monotonic() - start)


def report(model: Path, dataset: Path, seconds: float) -> None:
    """Predict on the training plans; print and keep what was found."""
    truth = load_split(dataset, "train")
    detections = detect(Predictor.load(model), dataset / "train", truth)
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
        "machine": machine(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "overfit_tiny.json").write_text(json.dumps(result, indent=2) + "\n")
    by_class = ", ".join(f"{name} {value:.3f}" for name, value in classes.items())
    print(f"{metrics['images']} plans, {steps} steps in {seconds:.0f} s: AP50 {metrics['ap50']:.3f} ({by_class})")


if __name__ == "__main__":
    main()
