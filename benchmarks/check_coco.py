"""Reads and checks COCO files of two real sizes, without their pictures, beside `json.load` alone.

    python benchmarks/check_coco.py [--rounds 5] [--json]

CubiCasa5K's: 4,200 images with 173,023 walls and rooms, 49 MB indented. COCO train2017's: 118,287 images with 860,001
boxes and their polygons, 450 MB. Each reading is one process; "work" leaves out the start of Python and the imports.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import in_turn, parser, report, run_side, scratch, side, start, work
from dataset_contract.annotation_checks import check_annotations
from dataset_contract.coco import parse_coco
from dataset_contract.findings import Severity
from dataset_contract.image_checks import check_file_names


def main() -> None:
    given = parser("Compare reading and checking COCO files with json.load.", rounds=5).parse_args()
    with scratch(given) as folder:
        cubicasa, train2017 = folder / "cubicasa.json", folder / "train2017.json"
        write_coco(cubicasa, images=4200, boxes=173_023, categories=2, corners=0, indent=4)
        write_coco(train2017, images=118_287, boxes=860_001, categories=80, corners=22, indent=None)
        sizes = {path: path.stat().st_size / 1e6 for path in (cubicasa, train2017)}
        small = in_turn({name: partial(run_side, side(__file__, name, cubicasa)) for name in SIDES}, given.rounds)
        large = in_turn({name: partial(run_side, side(__file__, name, train2017)) for name in SIDES}, 1)
    tables = {
        f"4,200 images, 173,023 boxes, {sizes[cubicasa]:.0f} MB": small,
        f"118,287 images, 860,001 boxes with polygons, {sizes[train2017]:.0f} MB": large,
    }
    goals = {
        "time as a multiple of json.load's": (small["ours"].work_s / small["json.load"].work_s, 3),
        "peak memory in MB for train2017's size": (large["ours"].peak_mb, 2000),
    }
    report("check_coco", given, tables, goals=goals)


def write_coco(path: Path, *, images: int, boxes: int, categories: int, corners: int, indent: int | None) -> None:
    """A sound COCO file; `corners` is the mean number of a polygon's corners, 0 leaves polygons out."""
    rng = random.Random(images)

    def annotations() -> Iterator[dict[str, Any]]:
        for number in range(1, boxes + 1):
            x, y, w, h = rng.randrange(700), rng.randrange(500), rng.randrange(4, 200), rng.randrange(4, 200)
            box = [x, y, w, h] if not corners else [x + 0.23, y + 0.19, w - 0.71, h - 0.37]
            annotation: dict[str, Any] = {
                "id": number,
                "image_id": 1 + number % images,
                "category_id": rng.randint(1, categories),
            }
            if corners:
                points = [(round(x + rng.random() * w, 2), round(y + rng.random() * h, 2)) for _ in range(corners)]
                annotation |= {"segmentation": [[value for point in points for value in point]]}
            yield annotation | {"bbox": box, "area": round(box[2] * box[3], 4), "iscrowd": 0}

    pictures = (
        {"id": number, "file_name": f"images/{number:06d}.png", "width": 900, "height": 700}
        for number in range(1, images + 1)
    )
    names = ({"id": number, "name": f"class{number}"} for number in range(1, categories + 1))
    with path.open("w") as file:
        file.write("{\n")
        for section, items in (("images", pictures), ("annotations", annotations()), ("categories", names)):
            file.write("" if section == "images" else ",\n")
            file.write(f'"{section}": [\n')
            for index, item in enumerate(items):
                file.write((",\n" if index else "") + json.dumps(item, indent=indent).replace("\n", "\n" + " " * 8))
            file.write("\n]")
        file.write("\n}\n")


def ours(path: Path) -> None:
    """All that the contract says about one COCO file without its pictures."""
    dataset, findings = parse_coco(path.read_bytes(), file=path.name)
    assert dataset is not None
    findings += check_annotations(dataset, file=path.name)
    findings += check_file_names(dataset, file=path.name)
    assert not [finding for finding in findings if finding.severity is Severity.ERROR], findings[:3]
    print(f"{len(dataset.images)} images, {len(dataset.annotations)} annotations, {len(findings)} findings")


def json_load(path: Path) -> None:
    """The standard library alone."""
    with path.open("rb") as file:
        json.load(file)


SIDES: dict[str, Callable[[Path], None]] = {"json.load": json_load, "ours": ours}


def one_side(name: str, path: str) -> None:
    """Do the work of a side, and tell what it takes."""
    with work():
        SIDES[name](Path(path))


if __name__ == "__main__":
    start(main, one_side)
