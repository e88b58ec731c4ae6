"""Draws docs/augmentation.png: a sample plan with its boxes under each switch of room_wall's augmentation.

python docs/augmentation_picture.py
"""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dataset_prep.sample_plans.drawing import choose_style, draw
from dataset_prep.sample_plans.plan import make_plan
from training_code.data.augmentation import augment
from training_code.data.geometry import LabelledImage
from training_code.recipes import RECIPES

PICTURE = Path(__file__).with_name("augmentation.png")
CELL = 300
"""Side in pixels of the square that shows one image."""
LINE = 20
"""Height in pixels of the words above it."""
SHOWN: list[tuple[str, int, int]] = [
    ("horizontal_flip", 0, 2),
    ("vertical_flip", 0, 2),
    ("quarter_turns", 1, 0),
    ("scale_jitter", 0, 3),
    ("scale_jitter", 0, 4),
    ("colour_jitter", 0, 1),
    ("colour_jitter", 0, 2),
    ("line_jitter", 0, 3),
    ("line_jitter", 0, 4),
    ("crop_short_sides", 0, 49),
]
"""Switch, quarter turns, and a seed whose draw shows what the switch does."""
COLUMNS = 4
BOXES = {0: (0, 110, 220), 1: (220, 60, 0)}
"""The colour of rooms' and walls' boxes."""


def main() -> None:
    plan, training = sample(), RECIPES["room_wall"].training
    names = sorted({name for name, _, _ in SHOWN})
    off = replace(training, image_short_sides=(280,), **{name: type(getattr(training, name))() for name in names})
    cells = [("the plan", plan)]
    for name, quarter_turns, seed in SHOWN:
        config = replace(off, **{name: getattr(training, name)})
        rng = np.random.default_rng(seed)
        cells.append((name, augment(plan, config, short_side=280, quarter_turns=quarter_turns, rng=rng)))
    everything = augment(plan, training, short_side=280, quarter_turns=3, rng=np.random.default_rng(0))
    cells.append(("all together", everything))
    rows = -(-len(cells) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL, rows * (CELL + LINE)), "white")
    for index, (name, labelled) in enumerate(cells):
        x, y = index % COLUMNS * CELL, index // COLUMNS * (CELL + LINE)
        ImageDraw.Draw(sheet).text((x + 8, y + 2), name, fill="black", font=ImageFont.load_default(14))
        sheet.paste(with_boxes(labelled), (x + 5, y + LINE))
    sheet.quantize(128).save(PICTURE, optimize=True)


def sample() -> LabelledImage:
    """A sample plan; label 0 is a room, 1 a wall."""
    rng = random.Random("3/7")
    plan = make_plan(rng)
    scale = 600 / plan.width
    image = draw(plan, choose_style(rng, "colorful"), 600, round(plan.height * scale))
    walls = [np.array(wall.polygon) for wall in plan.walls]
    corners = [[*wall.min(axis=0), *wall.max(axis=0)] for wall in walls] + [list(room.floor) for room in plan.rooms]
    labels = np.array([1] * len(walls) + [0] * len(plan.rooms))
    return LabelledImage(image, np.array(corners, dtype=np.float32) * np.float32(scale), labels)


def with_boxes(labelled: LabelledImage) -> Image.Image:
    """The image with its boxes, small enough for its cell; its own edge is grey."""
    image = labelled.image.copy()
    pen = ImageDraw.Draw(image)
    for box, label in zip(labelled.boxes.tolist(), labelled.labels.tolist(), strict=True):
        pen.rectangle(box, outline=BOXES[label])
    pen.rectangle((0, 0, image.width - 1, image.height - 1), outline="grey")
    image.thumbnail((CELL - 10, CELL - 10))
    return image


if __name__ == "__main__":
    main()
