"""docs/vectors.md says what the code does: its example, its figures and its picture."""

from __future__ import annotations

import json
import re
from pathlib import Path

import ezdxf
import pytest
from PIL import Image

from benchmarks.room_polygons import KINDS, sample
from docs import vectors_picture
from prediction.vectors import faces, gaps, rooms, walls
from prediction.vectors.floor_plan import floor_plan
from tests.prediction.test_model_folder import write_model

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "vectors.md").read_text()


def test_the_example_writes_a_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "build" / "last-run" / "model"
    model.mkdir(parents=True)
    write_model(model)
    Image.new("RGB", (60, 40), "white").save(tmp_path / "plan.png")
    monkeypatch.chdir(tmp_path)
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(example, {})  # noqa: S102  it is this repository's own
    assert ezdxf.readfile(tmp_path / "plan.dxf").header["$INSUNITS"] == 6


@pytest.mark.parametrize(
    "rule",
    [
        f"covers by {walls.COVERED:.0%}".replace("%", " %"),
        f"at most {walls.THICKNESS_RATIO:g} times as thick",
        f"over {walls.TOO_THICK:g} typical thicknesses is left out",
        f"A gap of up to {gaps.WIDEST:g} typical thicknesses",
        f"Slits of up to {faces.LEAK:g} thicknesses",
        f"is the room's, from {faces.FITS:g} on",
        f"Two room boxes with an IoU of {rooms.SAME_ROOM:g} or more",
        f"A room box of which {rooms.PART:.0%}".replace("%", " %"),
        f"at least {rooms.SURE_PART:.0%}".replace("%", " %") + " of the larger one's",
        f"leave less than {rooms.LEAST_REST:.0%}".replace("%", " %"),
    ],
)
def test_the_rules_have_the_figures_of_the_code(rule: str) -> None:
    assert rule in PAGE


def test_the_shares_are_those_that_were_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "room_polygons.json").read_text())["figures"]
    lines = [line for line in PAGE.splitlines() if line.startswith(("| true boxes", "| predictions"))]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows == [
        [*name.split(": "), *(f"{100 * figures[key]:.1f} %" for key in ("right", "right_by_box", "closed_by_walls"))]
        for name, figures in measured.items()
    ]


def test_the_picture_shows_what_it_is_said_to_show() -> None:
    shown = sample(vectors_picture.NUMBER, KINDS["angled, gaps, open"])
    outlines = [room.outline for room in floor_plan(shown.boxes, shown.picture.size).rooms]
    assert (outlines.count("walls"), outlines.count("box")) == (3, 2)
    assert "three of its rooms closed by walls, two by edges of boxes" in PAGE
