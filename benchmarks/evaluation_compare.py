"""Compares two models' results on a split of CubiCasa5K's size by the command, from the files to the files.

    python benchmarks/evaluation_compare.py [--rounds 3] [--json]

421 plans with 41 boxes each, 300 detections on each plan and model, and all that the command writes: figures, intervals
and the page with its pictures. "work" leaves out Python's start and the imports.
"""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import PIL.Image
import PIL.ImageDraw

from benchmarks.measuring import in_turn, parser, report, run_side, scratch, side, start, work
from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes
from evaluation.__main__ import main as evaluation

PLANS, BOXES, DETECTIONS = 421, 41, 300
WIDTH, HEIGHT = 1200, 900
MODELS = ("dino", "yolo")
FOLDERS = ("high_quality", "high_quality_architectural", "colorful")


def main() -> None:
    given = parser("Time the comparison of two models.", rounds=3).parse_args()
    with scratch(given) as folder:
        write_split(folder)
        costs = in_turn({"evaluation": partial(run_side, side(__file__, folder))}, given.rounds)
    goals = {
        "seconds, with the start of Python": (costs["evaluation"].wall_s, 30),
        "of them of CPU, whatever else the machine does": (costs["evaluation"].cpu_s, 30),
        "peak memory in MB": (costs["evaluation"].peak_mb, 1000),
    }
    title = f"{PLANS} plans, {DETECTIONS} detections each, {len(MODELS)} models"
    report(
        "evaluation_compare",
        given,
        {title: costs},
        goals=goals,
        packages=("matplotlib", "numpy", "pillow", "pycocotools"),
    )


def write_split(folder: Path) -> None:
    """A test split, and the results of each model: most boxes found more than once, all else background."""
    rng = random.Random(1)
    boxes = {plan: [_box(rng) for _ in range(BOXES)] for plan in range(1, PLANS + 1)}
    labels = {plan: [rng.choice((1, 1, 2)) for _ in range(BOXES)] for plan in boxes}
    annotations = [
        Annotation(plan * 1000 + index, plan, labels[plan][index], box, box[2] * box[3])
        for plan, each in boxes.items()
        for index, box in enumerate(each)
    ]
    images = [Image(plan, f"images/{plan:06d}.png", WIDTH, HEIGHT, FOLDERS[plan % len(FOLDERS)]) for plan in boxes]
    path = folder / "data" / "test" / "annotations.json"
    (path.parent / "images").mkdir(parents=True)
    for image in images:
        picture = PIL.Image.new("RGB", (WIDTH, HEIGHT), "white")
        draw = PIL.ImageDraw.Draw(picture)
        for x, y, width, height in boxes[image.id]:
            draw.rectangle((x, y, x + width, y + height), outline="black", width=3)
        picture.save(path.parent / image.file_name, compress_level=1)
    path.write_bytes(coco_to_bytes(CocoDataset(images, annotations, [Category(1, "wall"), Category(2, "room")])))
    for name, spread in zip(MODELS, (0.03, 0.05), strict=True):
        found: list[dict[str, Any]] = []
        for plan, each in boxes.items():
            for number in range(DETECTIONS):
                index = rng.randrange(BOXES)
                near = number < 3 * BOXES
                box, score = (
                    (_moved(rng, each[index], spread), rng.random()) if near else (_box(rng), rng.random() ** 4)
                )
                label = labels[plan][index] if near else rng.choice((1, 2))
                found.append({"image_id": plan, "category_id": label, "bbox": box, "score": round(score, 5)})
        (folder / f"{name}.json").write_text(json.dumps(found))


def _box(rng: random.Random) -> tuple[float, float, float, float]:
    width, height = rng.choice(
        ((rng.uniform(50, 300), rng.uniform(8, 15)), (rng.uniform(60, 250), rng.uniform(60, 250)))
    )
    return (
        round(rng.uniform(0, WIDTH - width), 2),
        round(rng.uniform(0, HEIGHT - height), 2),
        round(width, 2),
        round(height, 2),
    )


def _moved(rng: random.Random, box: tuple[float, float, float, float], spread: float) -> list[float]:
    x, y, width, height = box
    return [x + rng.gauss(0, spread) * width, y + rng.gauss(0, spread) * height, width, height]


def one_side(folder: str) -> None:
    """The command on both files."""
    models = [f"--model={name}={folder}/{name}.json" for name in MODELS]
    with work():
        status = evaluation([f"--data={folder}/data", f"--to={folder}/evaluation", *models])
    assert status == 0


if __name__ == "__main__":
    start(main, one_side)
