"""YOLO data sets to COCO with copies of the pictures: ours, which also takes all hashes and checks, beside others.

    python benchmarks/prepare_yolo.py [--images 1000] [--rounds 5] [--json]

The pictures are of eleven kinds, as wide, high and heavy as eleven plans of CubiCasa5K: 154 KB on average, which take
11 ms to decode (those plans: 17 ms). Each has 40 boxes. Every side is one process and writes to a folder of its own;
"work" leaves out the start of Python and the imports. Ours then does half and twice as many pictures: time should grow
in proportion, memory only by what is known of each.
"""

from __future__ import annotations

import io
import os
import random
import shutil
import struct
import sys
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks.measuring import ROOT, Cost, competitors, in_turn, parser, report, run_side, scratch, side, start, work

KINDS = (  # width, height, share of the pixels that are not quite white, as in scans: it makes up nearly all bytes
    (362, 267, 0.178),
    (519, 387, 0.197),
    (567, 587, 0.092),
    (567, 587, 0.107),
    (843, 439, 0.041),
    (650, 771, 0.092),
    (651, 1016, 0.029),
    (802, 502, 0.209),
    (851, 624, 0.19),
    (1200, 900, 0.186),
    (4000, 3000, 0.0023),
)
BOXES = 40
SPLITS = {"train": 7, "val": 2, "test": 1}  # tenths


def main() -> None:
    options = parser("Compare the conversion of YOLO data sets with datumaro and supervision.", rounds=5)
    options.add_argument("--images", type=int, default=1000)
    given = options.parse_args()
    with scratch(given) as folder:
        counts = [given.images // 2, given.images, given.images * 2]
        make_yolo(folder / f"yolo{counts[-1]}", counts[-1])
        for count in counts[:-1]:
            copy_first(folder / f"yolo{counts[-1]}", folder / f"yolo{count}", count)
        sides = {name: partial(run, name, folder, given.images) for name in SIDES}
        compared = in_turn(sides, given.rounds)
        grown = in_turn(
            {f"ours, {count:,} images": partial(run, "ours", folder, count) for count in counts}, given.rounds
        )
    ours, (half, _, double) = compared["ours"], grown.values()
    goals = {
        "time as a share of datumaro's": (ours.work_s / compared["datumaro"].work_s, 1 / 2),
        "CPU of the whole process as a share of datumaro's": (ours.cpu_s / compared["datumaro"].cpu_s, 1 / 2),
        "time as a share of supervision's": (ours.work_s / compared["supervision"].work_s, 1 / 20),
        "peak memory in MB": (ours.peak_mb, 150),
        "time for 4 times the images as a multiple": (double.work_s / half.work_s, 5),
        "kB more memory for each image more": (1000 * (double.peak_mb - half.peak_mb) / (counts[2] - counts[0]), 40),
    }
    tables = {f"{given.images:,} YOLO images of 154 KB with {BOXES} boxes to COCO": compared, "Growth": grown}
    report("prepare_yolo", given, tables, goals=goals, packages=["pillow", "numpy"])


def run(name: str, folder: Path, images: int) -> Cost:
    """One side, from a clean start."""
    python = sys.executable if name == "ours" else competitors() / "python"
    output = folder / "output"
    shutil.rmtree(output, ignore_errors=True)
    # The competitors' Python does not have the project installed.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return run_side(side(__file__, name, folder / f"yolo{images}", output, python=python), environment)


def make_yolo(root: Path, count: int) -> None:
    """An Ultralytics data set, with the pictures' kinds in turn."""
    for split in SPLITS:
        (root / "images" / split).mkdir(parents=True)
        (root / "labels" / split).mkdir(parents=True)
    names = "".join(f"{split}: images/{split}\n" for split in SPLITS)
    (root / "data.yaml").write_text(f"path: {root}\n{names}names:\n  0: wall\n  1: room\n")
    folders = [split for split, tenths in SPLITS.items() for _ in range(tenths)]
    pictures = [make_picture(*kind) for kind in KINDS]
    draw = random.Random(7)
    for number in range(count):
        rows = []
        for _ in range(BOXES):
            w, h = draw.uniform(0.01, 0.25), draw.uniform(0.01, 0.25)
            x, y = draw.uniform(w / 2, 1 - w / 2), draw.uniform(h / 2, 1 - h / 2)
            rows.append(f"{draw.randrange(2)} {x:.6f} {y:.6f} {w:.6f} {h:.6f}")
        split = folders[number % len(folders)]
        picture = timed(pictures[number % len(pictures)], number)
        (root / "images" / split / f"plan{number:05d}.png").write_bytes(picture)
        (root / "labels" / split / f"plan{number:05d}.txt").write_text("\n".join(rows) + "\n")


def make_picture(width: int, height: int, grain: float) -> bytes:
    """The PNG of a white sheet of paper with grain."""
    import numpy as np  # noqa: PLC0415  the competitors' Python runs this file too
    from PIL import Image  # noqa: PLC0415

    draw = np.random.default_rng(7)
    grey = np.where(draw.random((height, width)) < grain, draw.integers(215, 255, (height, width)), 255)
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)).save(buffer, "PNG")
    return buffer.getvalue()


def timed(png: bytes, number: int) -> bytes:
    """The PNG with the time of its last change, which makes it a file of its own: no two pictures are the same."""
    chunk = b"tIME" + struct.pack(">HBBBBB", 2000 + number // 3600, 1, 1, 0, number // 60 % 60, number % 60)
    return png[:33] + struct.pack(">I", 7) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]  # 33: after IHDR


def copy_first(source: Path, root: Path, count: int) -> None:
    """The data set of the first `count` pictures of another."""
    shutil.copytree(
        source, root, ignore=lambda _, names: [name for name in names if name[:4] == "plan" and int(name[4:9]) >= count]
    )
    (root / "data.yaml").write_text((root / "data.yaml").read_text().replace(str(source), str(root)))


def ours(source: Path, output: Path) -> None:
    """Our side: the command line's whole way, with hashes, manifest and check."""
    from dataset_prep.run import main as prepare  # noqa: PLC0415  as above

    with work():
        status = prepare(["--source", str(source), "--output", str(output), "--split", "official"])
    assert status == 0


def datumaro(source: Path, output: Path) -> None:
    """Datumaro's import and export, which copies the pictures."""
    dm = import_module("datumaro")

    with work():
        dm.Dataset.import_from(str(source), "yolo").export(str(output), "coco_instances", save_media=True)


def supervision(source: Path, output: Path) -> None:
    """Supervision's reader and writer, split by split."""
    sv = import_module("supervision")

    with work():
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


SIDES: dict[str, Callable[[Path, Path], None]] = {"ours": ours, "datumaro": datumaro, "supervision": supervision}

if __name__ == "__main__":
    start(main, lambda name, source, output: SIDES[name](Path(source), Path(output)))
