"""The sample plans are real enough: CubiCasa5K's layout and oddities, the same bytes each time, boxes on the ink."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_prep.sample_plans.plan import make_plan
from dataset_prep.samples import main, write_samples
from dataset_prep.sources.cubicasa5k import read_cubicasa5k
from dataset_prep.sources.cubicasa5k_policy import Policy


def hashes(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_samples(tmp_path / name, 3, seed)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert hashes(tmp_path / "a") != hashes(tmp_path / "c")


def test_the_layout_is_that_of_cubicasa5k(samples: Path) -> None:
    entries = [line for name in ("train", "val", "test") for line in (samples / f"{name}.txt").read_text().split("\n")]
    assert len(set(entries)) == 9
    for entry in entries:
        assert re.fullmatch(r"/(high_quality|high_quality_architectural|colorful)/\d+/", entry)
        folder = samples / entry.strip("/")
        assert {path.name for path in folder.iterdir()} == {"F1_original.png", "F1_scaled.png", "model.svg"}


def test_the_scaled_image_differs_in_scale_from_plan_to_plan(samples: Path) -> None:
    ratios = set()
    for scaled in samples.rglob("F1_scaled.png"):
        with Image.open(scaled) as image, Image.open(scaled.with_name("F1_original.png")) as original:
            ratios.add(round(image.width / original.width, 2))
            assert 300 <= original.width <= 500
            assert image.size != original.size
    assert len(ratios) > 4
    assert min(ratios) < 1 < max(ratios)


def test_plans_have_the_size_that_a_small_model_can_learn() -> None:
    for seed in range(150):
        plan = make_plan(random.Random(seed))
        assert 8 <= len(plan.walls) <= 25
        assert 4 <= len(plan.rooms) <= 8
        assert all(0 < x < plan.width and 0 < y < plan.height for wall in plan.walls for x, y in wall.polygon)
        assert sum(opening.kind == "Door" for wall in plan.walls for opening in wall.openings) >= len(plan.rooms) - 1


def test_the_svg_shows_the_oddities_of_the_originals(samples: Path) -> None:
    text = "".join(path.read_text() for path in sorted(samples.rglob("model.svg")))
    for oddity in (
        'class="Wall "',
        'class="Wall External"',
        'class="Railing"',
        'class="SpaceDimensionsLabel"',
        'class="Space Outdoor Balcony"',
        'class="Door Swing Beside"',
        'points="-5,5,0,0,5,5"',
    ):
        assert oddity in text
    assert re.search(r'points="([\d.,]+) .* \1 \1 "', text), "outlines that close with a repeated corner"


def test_walls_lie_on_dark_ink_and_rooms_do_not(samples: Path) -> None:
    for image in read_cubicasa5k(samples, Policy()).images:
        with Image.open(image.path) as plan:
            grey = np.asarray(plan.convert("L"))
        dark = {"wall": [], "room": []}  # type: dict[str, list[float]]
        for box in image.boxes:
            x, y, width, height = (round(number) for number in box.bbox)
            dark[box.label].append(float((grey[y : y + height, x : x + width] < 140).mean()))
        assert np.mean(dark["wall"]) > 0.6, image.path
        assert np.mean(dark["room"]) < 0.2, image.path


def test_the_command_runs_as_a_file_from_anywhere(tmp_path: Path) -> None:
    command = Path(__file__).resolve().parents[2] / "dataset_prep" / "samples.py"
    subprocess.run([sys.executable, command, "plans", "--count", "1"], cwd=tmp_path, check=True)
    assert len(list((tmp_path / "plans").rglob("model.svg"))) == 1


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main([str(tmp_path / "file"), "--count", "1"]) == 1
    assert "cannot be written: Not a directory." in capsys.readouterr().err


def test_a_count_below_one_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(tmp_path), "--count", "0"])
    assert stopped.value.code == 2
    assert "must be at least 1" in capsys.readouterr().err
