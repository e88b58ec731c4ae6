"""Padding in an epoch of `room_wall` on sample plans: of this checkout against that of an earlier commit.

python benchmarks/padding.py --against 1fbcd5f --json
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.earlier_checkout import checkout_of
from benchmarks.measuring import RESULTS, ROOT, machine, side, start
from dataset_contract.coco import CocoDataset
from dataset_contract.coco import Image as CocoImage
from dataset_prep.sample_plans.plan import make_plan
from training_code.config import TrainingConfig
from training_code.data.augmentation import augment, largest_augmented_size
from training_code.data.batches import EpochBatchSampler
from training_code.data.geometry import LabelledImage
from training_code.data.plan_dataset import PlanDataset, Sample
from training_code.recipes import RECIPES

PLANS = 600
BATCHES = (2, 4, 8)
EARLIER = "1fbcd5f"
"""The last commit that turned and cropped each plan for itself."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default=EARLIER, help="the earlier commit (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="also write benchmarks/results/")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, checkout_of(given.against, Path(folder) / "earlier") as earlier:
        found = {given.against: _run(earlier), "this checkout": _run(ROOT)}
    print(f"{'':<16}{'batch':>6}{'padding':>9}{'pixels an image':>17}{'largest possible':>18}")
    for name, by_batch in found.items():
        for batch, (padding, pixels, largest) in by_batch.items():
            print(f"{name:<16}{batch:>6}{padding:>9.1%}{pixels:>17,.0f}{largest:>18}")
    if given.json:
        content = {"machine": machine(("pillow",)), "padding, pixels an image, largest by batch": found}
        (RESULTS / "padding.json").write_text(json.dumps(content, indent=1) + "\n")


def _run(checkout: Path) -> dict[str, tuple[float, float, str]]:
    """The figures by batch, with the code of `checkout`."""
    command = [str(part) for part in side(__file__)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, tuple[float, float, str]] = json.loads(done.stdout)
    return figures


def one_side() -> None:
    """Print the figures as JSON, by the code that PYTHONPATH has."""
    plans = [make_plan(random.Random(number)) for number in range(PLANS)]
    sizes = [(420, round(420 * plan.height / plan.width)) for plan in plans]
    images = [CocoImage(number, f"{number}.png", *size) for number, size in enumerate(sizes, start=1)]
    figures = {}
    for batch_size in BATCHES:
        # Colours and lines change no size.
        config = replace(RECIPES["room_wall"].training, batch_size=batch_size, colour_jitter=0.0, line_jitter=0.0)
        plan_dataset = PlanDataset(Path(), CocoDataset(images, [], []), config, augmented=True)
        filled = padded = 0
        for samples in EpochBatchSampler(plan_dataset, epoch=0):
            shapes = np.array([augmented_size(sizes[sample.position], sample, config) for sample in samples])
            filled += int(shapes.prod(axis=1).sum())
            padded += len(shapes) * int(shapes.max(axis=0).prod())
        width, height = largest_augmented_size(sizes, config)
        figures[str(batch_size)] = (1 - filled / padded, padded / PLANS, f"{width} x {height}")
    print(json.dumps(figures))


def augmented_size(size: tuple[int, int], sample: Sample, config: TrainingConfig) -> tuple[int, int]:
    """Width and height of a plan of `size` as it is trained on."""
    plan = LabelledImage(Image.new("RGB", size), np.zeros((0, 4), np.float32), np.zeros(0, int))
    rng = np.random.default_rng([config.seed, sample.epoch, sample.position])
    turns = sample.quarter_turns
    return augment(plan, config, short_side=sample.short_side, quarter_turns=turns, rng=rng).image.size


if __name__ == "__main__":
    start(main, one_side)
