"""CubiCasa5K's doors and windows, read where they are asked for: in the image's frame, with the swing or without."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_prep.run import main
from dataset_prep.sample_plans.drawing import choose_style, draw
from dataset_prep.sample_plans.plan import make_plan
from dataset_prep.sample_plans.svg import plan_to_svg
from dataset_prep.sources.cubicasa5k import read_cubicasa5k
from dataset_prep.sources.cubicasa5k_policy import OPENINGS, Policy
from dataset_prep.sources.model_svg import parse_model, path_ends
from dataset_prep.sources.source import SourceBox

ALL = frozenset(OPENINGS)
DOOR = (
    '<g id="Door" class="Door Swing Beside" transform="translate(10,0)"><polygon points="20,40 40,40 40,50 20,50 "/>'
    '<g class="Threshold"><polygon points="0,0 9,0 9,9"/></g><g class="Panel Right Negative"><g class="PanelArea">'
    '<polygon points="0,0 90,0 90,90"/></g><path d="M40,50 q0,20 -20,20 l0,-20Z"/></g></g>'
)
WINDOW = '<g id="Window" class="Window Regular"><polygon points="80,40 120,40 120,50 80,50 "/><g class="Panel"/></g>'
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg"><g class="Model"><g class="Floor" style="display:none"><g class="Wall">'
    f'<polygon points="0,40 160,40 160,50 0,50 "/>{DOOR}{WINDOW}</g></g>'
    '<g class="Space Bath"><polygon points="0,50 160,50 160,90 0,90"/><g class="Window Regular"/></g></g></svg>'
)


def openings(root: Path, **policy: bool) -> list[SourceBox]:
    (image,) = read_cubicasa5k(root, Policy(openings=ALL, **policy)).images
    return [box for box in image.boxes if box.label in OPENINGS]


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """F1_original is half as wide and a quarter as high as F1_scaled, which the SVG was drawn on."""
    folder = tmp_path / "high_quality/17"
    folder.mkdir(parents=True)
    Image.new("RGB", (80, 25), "white").save(folder / "F1_original.png")
    Image.new("RGB", (160, 100), "white").save(folder / "F1_scaled.png")
    (folder / "model.svg").write_text(SVG)
    return tmp_path


def test_openings_are_scaled_as_walls_are(plan: Path) -> None:
    assert openings(plan) == [("door", (15, 10, 10, 2.5), None, 0), ("window", (40, 10, 20, 2.5), None, 0)]


def test_with_the_swing_a_doors_box_reaches_to_where_its_leaf_stands_open(plan: Path) -> None:
    assert openings(plan, doors_with_swing=True)[0].bbox == (15, 10, 10, 7.5)


def test_without_a_word_from_the_person_there_are_none(plan: Path) -> None:
    source = read_cubicasa5k(plan, Policy())
    assert {box.label for image in source.images for box in image.boxes} == {"wall", "room"}
    assert not any("OUTLINE" in finding.code for finding in source.findings)


def test_a_window_without_an_outline_is_counted_where_windows_are_asked_for(plan: Path) -> None:
    (finding,) = (each for each in read_cubicasa5k(plan, Policy(openings=ALL)).findings if "OUTLINE" in each.code)
    assert finding.message.startswith("1 of the outlines in high_quality/17/model.svg have no area")


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        (
            "M940.96,734.04 q0.00,75.63 -75.63,75.63 l0.00,-75.63Z",
            [(940.96, 734.04), (865.33, 809.67), (865.33, 734.04)],
        ),
        ("m1 2h3v4H1V2z", [(1, 2), (4, 2), (4, 6), (1, 6), (1, 2)]),
        ("M0,0A5 5 0 0 1 5,5C1,1,2,2,7,7 1,1,2,2,8,8", [(0, 0), (5, 5), (7, 7), (8, 8)]),
        ("M1e999,0 L1", []),
        ("lots of text", []),
    ],
)
def test_the_segments_of_a_path_end_where_svg_has_it(data: str, ends: list[tuple[float, float]]) -> None:
    assert path_ends(data) == [pytest.approx(end) for end in ends]


@pytest.mark.parametrize("seed", range(4))
def test_sample_plans_have_their_openings_where_they_are_drawn(seed: int) -> None:
    rng = random.Random(seed)
    plan = make_plan(rng)
    style = choose_style(rng, "high_quality")
    ink = np.asarray(draw(plan, style, 400, 300).convert("L")) < 140
    model = parse_model(plan_to_svg(plan, 400, 300, rng).encode())
    drawn = [(wall, opening) for wall in plan.walls for opening in wall.openings]
    doors = [(wall, opening) for wall, opening in drawn if opening.kind == "Door"]
    assert (len(model.doors), len(model.windows)) == (len(doors), len(drawn) - len(doors))
    for (wall, opening), door in zip(doors, model.doors, strict=True):
        x, y = 400 / plan.width, 300 / plan.height
        hinge, closed, opened = opening.swing_corners(horizontal=wall.horizontal)
        expected = [(point[0] * x, point[1] * y) for point in (closed, opened, hinge)]
        assert door.swing == [pytest.approx(point, abs=0.02) for point in expected]
        middle = [(hinge[axis] + opened[axis]) / 2 * scale for axis, scale in ((0, x), (1, y))]
        column, row = (round(number) for number in middle)
        assert ink[row - 2 : row + 3, column - 2 : column + 3].any(), "the open leaf is a line on the image"


def test_doors_and_windows_become_classes_in_the_order_that_was_asked_for(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--source", str(samples), "--output", str(tmp_path / "data"), "--classes", "wall,room,doors,window"]
    assert main([*given, "--split", "1,0,0", "--limit", "4"]) == 0
    content = json.loads((tmp_path / "data/train/annotations.json").read_bytes())
    assert [category["name"] for category in content["categories"]] == ["wall", "room", "door", "window"]
    assert {annotation["category_id"] for annotation in content["annotations"]} == {1, 2, 3, 4}
    assert json.loads((tmp_path / "data/manifest.json").read_bytes())["options"]["door_swing"] == "ignore"
    assert "CLASS_NOT_ASKED_FOR" not in capsys.readouterr().out


def test_plans_without_an_opening_that_was_asked_for_are_not_refused(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plan / "high_quality/17/model.svg").write_text(SVG.replace(WINDOW, ""))
    given = ["--source", str(plan), "--output", str(tmp_path.parent / f"{tmp_path.name}-data")]
    assert main([*given, "--classes", "wall,room,door,window", "--split", "1,0,0"]) == 0
    assert "Class 'window' has no annotation in train" in capsys.readouterr().out
