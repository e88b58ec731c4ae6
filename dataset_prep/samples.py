"""Makes floor plans of its own in CubiCasa5K's layout, so that a trial run needs no download.

    python dataset_prep/samples.py build/samples --count 40 --seed 7

The same count and seed give the same bytes. The plans are for trying the pipeline, not for a model that people use.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_contract.layout import SPLITS
from dataset_prep.sample_plans.drawing import choose_style, draw
from dataset_prep.sample_plans.plan import make_plan
from dataset_prep.sample_plans.svg import plan_to_svg
from dataset_prep.sources.cubicasa5k_plans import ANNOTATION, CATEGORIES, ORIGINAL, SCALED


def write_samples(root: Path, count: int, seed: int) -> None:
    """Write `count` plans and the lists train.txt, val.txt and test.txt below `root`.

    Each plan is a folder `<category>/<id>` with F1_original.png (300 to 500 pixels wide), F1_scaled.png (another scale
    for each plan) and model.svg in pixels of F1_scaled.png. Ids run from 1 and are unique across the three folders.

    Raises ValueError if count is smaller than 1.
    """
    if count < 1:
        raise ValueError(f"The number of sample plans must be at least 1, not {count}.")
    folders = []
    for number in range(1, count + 1):
        rng = random.Random(f"{seed}/{number}")  # a plan does not depend on how many others there are
        category = rng.choice(CATEGORIES)
        folders.append(f"/{category}/{number}/")
        _write_plan(root / category / str(number), category, rng)
    random.Random(seed).shuffle(folders)
    for name, entries in zip(SPLITS, _divide(folders), strict=True):
        (root / f"{name}.txt").write_bytes("\n".join(entries).encode())  # no newline at the end: so are the originals


def _write_plan(folder: Path, category: str, rng: random.Random) -> None:
    plan = make_plan(rng)
    style = choose_style(rng, category)
    width = rng.randint(340, 480)
    height = round(width * plan.height / plan.width)
    ratio = rng.choice([rng.uniform(0.7, 0.9), rng.uniform(1.2, 1.7), rng.uniform(1.2, 1.7)])
    scaled_width, scaled_height = round(width * ratio), round(height * ratio)
    folder.mkdir(parents=True, exist_ok=True)
    draw(plan, style, width, height).save(folder / ORIGINAL)
    draw(plan, style, scaled_width, scaled_height).save(folder / SCALED)
    (folder / ANNOTATION).write_bytes(plan_to_svg(plan, scaled_width, scaled_height, rng).encode())


def _divide(folders: list[str]) -> tuple[list[str], list[str], list[str]]:
    """About as CubiCasa5K does, 84 : 8 : 8, and nothing left empty from three plans on."""
    held_out = min(max(1, round(0.08 * len(folders))), (len(folders) - 1) // 2)
    val, test = len(folders) - 2 * held_out, len(folders) - held_out
    return folders[:val], folders[val:test], folders[test:]


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Make sample floor plans in CubiCasa5K's layout.")
    parser.add_argument("root", type=Path, help="folder to write to")
    parser.add_argument("--count", type=int, default=40, help="number of plans (default: 40)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same plans (default: 7)")
    options = parser.parse_args(argv)
    try:
        write_samples(options.root, options.count, options.seed)
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        sys.stderr.write(f"samples.py: {error.filename or options.root} cannot be written: {error.strerror}.\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
