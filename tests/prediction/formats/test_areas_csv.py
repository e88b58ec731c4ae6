"""The areas, for a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest

from prediction.formats.areas_csv import COLUMNS, to_areas_csv
from prediction.vectors.floor_plan import floor_plan
from tests.prediction.vectors.drawn_plans import L_SHAPE, SIZE

PLAN = floor_plan(L_SHAPE, SIZE)


@pytest.mark.parametrize(("scale", "metres"), [(None, ["", ""]), (0.02, ["19.2000", "3.9600"])])
def test_each_room_has_a_line_with_its_area(scale: float | None, metres: list[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_areas_csv(PLAN, "plan.png", metres_per_pixel=scale).decode())))
    assert [row["area_m2"] for row in rows] == metres
    assert list(rows[0].values())[:4] == ["plan.png", "1", "walls", "48000.00"]
    assert [row["area_px"] for row in rows] == ["48000.00", "9900.00"]


def test_a_plan_without_rooms_has_the_header_alone() -> None:
    assert to_areas_csv(floor_plan([], SIZE), "plan.png").decode() == ",".join(COLUMNS) + "\n"


def test_a_name_is_one_cell_on_one_line_and_no_formula() -> None:
    [_, first, _] = to_areas_csv(PLAN, '=cmd(),"x"\n.png').decode().splitlines()
    assert next(csv.reader([first]))[0] == '\'=cmd(),"x"\\n.png'
