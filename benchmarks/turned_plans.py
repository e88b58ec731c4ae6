"""Shows what the augmentation's turns are for: `tiny` trained with and without them, on upright and on turned plans.

    python benchmarks/turned_plans.py

All plans are OBLONG, as a source with one format of sheet gives them: a model may rely on how a plan is turned.
Both sides train on the same plans from the same seed for as many steps. Prints F1 and AP50 on the validation plans, as
they are and turned, and writes them with the machine to benchmarks/results/turned_plans.json.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.measuring import RESULTS
from benchmarks.training import detect, machine, prepare, train_tiny
from dataset_contract.load import load_split
from dataset_prep.samples import write_samples
from dataset_prep.sources.cubicasa5k_plans import ORIGINAL
from evaluation.metrics import evaluate
from prediction.predictor import Predictor
from training_code.recipes import RECIPES

OBLONG = 1.4
"""Least width of a plan in its heights; about every fifth sample plan has it."""
SPLITS = {"train": 200, "val": 40, "test": 2}
"""Plans of each split."""
SIDES: Mapping[str, Mapping[str, str]] = {
    "without": {},
    "with": {"quarter_turns": "true", "vertical_flip": "true"},
}
"""What each side sets in the recipe `tiny`, which mirrors left and right."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Train with and without turns, and measure both on turned plans.")
    parser.add_argument("--epochs", type=int, default=10, help="default: 10, which are 2000 steps")
    options = parser.parse_args()
    result: dict[str, Any] = {"plans": SPLITS, "steps": options.epochs * SPLITS["train"]}
    with tempfile.TemporaryDirectory() as folder:
        plans, dataset = Path(folder) / "plans", Path(folder) / "dataset"
        write_oblong_samples(plans)
        prepare(plans, dataset)
        for side, switches in SIDES.items():
            hyperparameters = {"epochs": str(options.epochs), "log_steps": "100", **switches}
            model = train_tiny(Path(folder) / side, dataset, hyperparameters)
            result[side] = measure(Predictor.load(model), dataset)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "turned_plans.json").write_text(json.dumps(result | {"machine": machine()}, indent=2) + "\n")
    for side in SIDES:
        for degrees, figures in result[side]["turned_by"].items():
            print(f"{side:<8} turns, plans turned by {degrees:>3}: F1 {figures['f1']:.3f}, AP50 {figures['ap50']:.3f}")


def write_oblong_samples(plans: Path) -> None:
    """As many oblong sample plans as SPLITS says, and its lists."""
    write_samples(plans, count=7 * sum(SPLITS.values()), seed=3)
    folders = sorted((path.parent for path in plans.rglob(ORIGINAL)), key=lambda folder: int(folder.name))
    oblong = [folder for folder in folders if is_oblong(folder / ORIGINAL)][: sum(SPLITS.values())]
    for folder in set(folders).difference(oblong):
        shutil.rmtree(folder)
    entries = iter(f"/{folder.relative_to(plans)}/" for folder in oblong)
    for split, count in SPLITS.items():
        (plans / f"{split}.txt").write_text("\n".join(islice(entries, count)))


def is_oblong(path: Path) -> bool:
    """Whether the image is wide enough."""
    width, height = Image.open(path).size
    return width >= OBLONG * height


def measure(predictor: Predictor, dataset: Path) -> dict[str, Any]:
    """F1 and AP50 by the degrees that the validation plans are turned; F1 at the threshold that suits the upright."""
    truth = load_split(dataset, "val")
    found: dict[str, Any] = {}
    upright = None
    for quarter_turns in range(4):
        detections = detect(predictor, dataset / "val", truth, quarter_turns=quarter_turns)
        metrics = evaluate(truth, detections, max_detections=RECIPES["tiny"].model.num_queries, thresholds_of=upright)
        upright = upright or metrics
        found[str(90 * quarter_turns)] = {
            "f1": round(metrics["f1"], 4),
            "ap50": round(metrics["ap50"], 4),
            "f1_by_class": {name: round(figures["f1"], 4) for name, figures in metrics["classes"].items()},
        }
    return {"turned_by": found}


if __name__ == "__main__":
    main()
