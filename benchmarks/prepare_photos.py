"""Photos and scans, JPEGs of 3840 x 2160, to a data set with its report: ours beside what Pillow does at its defaults.

    python benchmarks/prepare_photos.py [--images 40] [--rounds 3] [--json]

Pillow's side decodes each photo twice, for a perceptual hash and for the PNG, and has neither hashes of files nor
checks nor a report. That the pixels are the same is asserted.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measuring import Cost, in_turn, parser, report, run_side, scratch, side, start, work

WIDTH, HEIGHT = 3840, 2160


def main() -> None:
    options = parser("Compare the conversion of photos with Pillow's defaults.", rounds=3)
    options.add_argument("--images", type=int, default=40)
    given = options.parse_args()
    with scratch(given) as folder:
        make_photos(folder / "photos", given.images)
        compared = in_turn({name: partial(run, name, folder) for name in SIDES}, given.rounds)
        assert_same_pixels(folder)
    goals = {"CPU as a share of Pillow's": (compared["ours"].cpu_s / compared["Pillow"].cpu_s, 1 / 3)}
    report(
        "prepare_photos",
        given,
        {f"{given.images} JPEGs of {WIDTH} x {HEIGHT}": compared},
        goals=goals,
        packages=["pillow"],
    )


def run(name: str, folder: Path) -> Cost:
    """One side, from a clean start."""
    shutil.rmtree(folder / name, ignore_errors=True)
    return run_side(side(__file__, name, folder / "photos", folder / name))


def make_photos(root: Path, count: int) -> None:
    """A YOLO data set of sheets with rectangles, lit unevenly, with a camera's noise."""
    import numpy as np  # noqa: PLC0415  the sides do without
    from PIL import Image, ImageDraw, ImageFilter  # noqa: PLC0415

    for kind in ("images", "labels"):
        (root / kind / "train").mkdir(parents=True)
    (root / "data.yaml").write_text("train: images/train\nnames: [wall, room]\n")
    light = np.linspace(0.8, 1.05, WIDTH)[None, :, None] * np.linspace(1.02, 0.85, HEIGHT)[:, None, None]
    for number in range(count):
        draw = np.random.default_rng(number)
        sheet = Image.new("RGB", (WIDTH, HEIGHT), (246, 243, 235))
        for _ in range(60):
            left, top = draw.integers(0, WIDTH - 900), draw.integers(0, HEIGHT - 500)
            corners = [left, top, left + draw.integers(100, 900), top + draw.integers(60, 500)]
            ImageDraw.Draw(sheet).rectangle(
                list(map(int, corners)), outline=(30, 30, 30), width=int(draw.integers(4, 26))
            )
        pixels = np.asarray(sheet.filter(ImageFilter.GaussianBlur(1.2))) * light
        pixels += draw.normal(0, 3, (HEIGHT, WIDTH, 1))
        photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        photo.save(root / f"images/train/photo{number:03d}.jpg", quality=88)
        (root / f"labels/train/photo{number:03d}.txt").write_text("0 0.5 0.5 0.2 0.02\n1 0.4 0.45 0.4 0.5\n")


def ours(source: Path, output: Path) -> None:
    """Our side: the command line's whole way."""
    from dataset_prep.run import main as prepare  # noqa: PLC0415  imports count

    given = ["--source", str(source), "--output", str(output / "data"), "--report", str(output / "report")]
    with work():
        assert prepare([*given, "--split", "1,0,0"]) == 0


def pillow(source: Path, output: Path) -> None:
    """What a short script with Pillow does."""
    import imagehash  # noqa: PLC0415  as above
    from PIL import Image  # noqa: PLC0415

    output.mkdir()
    with work():
        for path in sorted(source.rglob("*.jpg")):
            imagehash.phash(Image.open(path), hash_size=16)
            Image.open(path).save(output / f"{path.stem}.png")


def assert_same_pixels(folder: Path) -> None:
    from PIL import Image  # noqa: PLC0415  as above

    pairs = zip(sorted((folder / "ours/data").rglob("*.png")), sorted((folder / "Pillow").iterdir()), strict=True)
    assert all(Image.open(mine).tobytes() == Image.open(theirs).tobytes() for mine, theirs in pairs)


SIDES: dict[str, Callable[[Path, Path], None]] = {"ours": ours, "Pillow": pillow}

if __name__ == "__main__":
    start(main, lambda name, source, output: SIDES[name](Path(source), Path(output)))
