"""YOLO data sets to COCO with copies of the pictures: ours, which also takes all hashes and checks, beside others.

    python benchmarks/prepare_yolo.py [--images 1000] [--rounds 3] [--json]

Each picture has about 157 KB and 40 boxes. Every side is one process and writes to a folder of its own; "work" leaves
out the start of Python and the imports. Ours then does half and twice as many pictures: time should grow in
proportion, memory only by what is known of each.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.measuring import (  # noqa: E402
    WORK,
    Cost,
    competitors,
    in_turn,
    judge,
    machine,
    parser,
    run_side,
    show,
    write_results,
)

WIDTH, HEIGHT = 900, 800  # pixels
NOISE = 226  # pixels of a square that does not compress: RGB, it makes up nearly all of the 157 KB
BOXES = 40
SPLITS = {"train": 7, "val": 2, "test": 1}  # tenths


def main() -> None:
    options = parser("Compare the conversion of YOLO data sets with datumaro and supervision.", rounds=3)
    options.add_argument("--images", type=int, default=1000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        counts = [given.images // 2, given.images, given.images * 2]
        make_yolo(scratch / f"yolo{counts[-1]}", counts[-1])
        for count in counts[:-1]:
            copy_first(scratch / f"yolo{counts[-1]}", scratch / f"yolo{count}", count)
        sides = {name: partial(run, name, scratch, given.images) for name in SIDES}
        compared = in_turn(sides, given.rounds)
        grown = in_turn({f"ours, {count:,} images": partial(run, "ours", scratch, count) for count in counts}, 3)
    line = machine(["pillow", "numpy"])
    print(line)
    show(f"{given.images:,} YOLO images of 157 KB with {BOXES} boxes to COCO", compared, base="ours")
    show("Growth", grown, base=f"ours, {counts[0]:,} images")
    ours, (half, _, double) = compared["ours"], grown.values()
    judge(
        {
            "time as a share of datumaro's": (ours.work_s / compared["datumaro"].work_s, 1 / 2),
            "time as a share of supervision's": (ours.work_s / compared["supervision"].work_s, 1 / 20),
            "peak memory in MB": (ours.peak_mb, 150),
            "time for 4 times the images as a multiple": (double.work_s / half.work_s, 5),
            "kB more memory for each image more": (
                1000 * (double.peak_mb - half.peak_mb) / (counts[2] - counts[0]),
                40,
            ),
        }
    )
    if given.json:
        write_results("prepare_yolo", line, {"compared": compared, "growth": grown})


def run(name: str, scratch: Path, images: int) -> Cost:
    """One side, from a clean start."""
    python = sys.executable if name == "ours" else competitors() / "python"
    output = scratch / "output"
    shutil.rmtree(output, ignore_errors=True)
    return run_side([python, __file__, "--convert", name, scratch / f"yolo{images}", output])


def make_yolo(root: Path, count: int) -> None:
    """An Ultralytics data set: pictures with lines where the boxes are, and noise for what else a plan shows."""
    import numpy as np  # noqa: PLC0415  the competitors' Python runs this file too
    from PIL import Image  # noqa: PLC0415

    for split in SPLITS:
        (root / "images" / split).mkdir(parents=True)
        (root / "labels" / split).mkdir(parents=True)
    names = "".join(f"{split}: images/{split}\n" for split in SPLITS)
    (root / "data.yaml").write_text(f"path: {root}\n{names}names:\n  0: wall\n  1: room\n")
    folders = [split for split, tenths in SPLITS.items() for _ in range(tenths)]
    for number in range(count):
        rng, noise = random.Random(number), np.random.default_rng(number)
        pixels = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
        rows = []
        for _ in range(BOXES):
            x, y, w, h = rng.randrange(700), rng.randrange(600), rng.randrange(10, 200), rng.randrange(10, 200)
            pixels[[y, y + h], x : x + w] = pixels[y : y + h, [x, x + w]] = 0
            shares = ((x + w / 2) / WIDTH, (y + h / 2) / HEIGHT, w / WIDTH, h / HEIGHT)
            rows.append(" ".join([str(rng.randrange(2)), *(f"{share:.6f}" for share in shares)]))
        x, y = rng.randrange(WIDTH - NOISE), rng.randrange(HEIGHT - NOISE)
        pixels[y : y + NOISE, x : x + NOISE] = noise.integers(0, 256, (NOISE, NOISE, 3))
        split = folders[number % len(folders)]
        Image.fromarray(pixels).save(root / "images" / split / f"plan{number:05d}.png", compress_level=1)
        (root / "labels" / split / f"plan{number:05d}.txt").write_text("\n".join(rows) + "\n")


def copy_first(source: Path, root: Path, count: int) -> None:
    """The data set of the first `count` pictures of another."""
    shutil.copytree(
        source, root, ignore=lambda _, names: [name for name in names if name[:4] == "plan" and int(name[4:9]) >= count]
    )
    (root / "data.yaml").write_text((root / "data.yaml").read_text().replace(str(source), str(root)))


def ours(source: Path, output: Path) -> float:
    """Our side: the command line's whole way, with hashes, manifest and check."""
    from dataset_prep.run import main as prepare  # noqa: PLC0415  as above

    start = time.perf_counter()
    status = prepare(["--source", str(source), "--output", str(output), "--split", "official"])
    assert status == 0
    return time.perf_counter() - start


def datumaro(source: Path, output: Path) -> float:
    """Datumaro's import and export, which copies the pictures."""
    dm = import_module("datumaro")

    start = time.perf_counter()
    dm.Dataset.import_from(str(source), "yolo").export(str(output), "coco_instances", save_media=True)
    return time.perf_counter() - start


def supervision(source: Path, output: Path) -> float:
    """Supervision's reader and writer, split by split."""
    sv = import_module("supervision")

    start = time.perf_counter()
    for split in SPLITS:
        read = sv.DetectionDataset.from_yolo(
            images_directory_path=str(source / "images" / split),
            annotations_directory_path=str(source / "labels" / split),
            data_yaml_path=str(source / "data.yaml"),
        )
        read.as_coco(
            images_directory_path=str(output / split / "images"),
            annotations_path=str(output / split / "annotations.json"),
        )
    return time.perf_counter() - start


SIDES: dict[str, Callable[[Path, Path], float]] = {"ours": ours, "datumaro": datumaro, "supervision": supervision}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--convert"]:
        seconds = SIDES[sys.argv[2]](Path(sys.argv[3]), Path(sys.argv[4]))
        print(f"{WORK}{seconds}")
    else:
        main()
