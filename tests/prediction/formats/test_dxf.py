"""The drawing for CAD, read again by ezdxf."""

from __future__ import annotations

import io

import ezdxf
import pytest
from ezdxf.document import Drawing

from prediction.formats.dxf import to_dxf
from prediction.vectors.floor_plan import floor_plan
from tests.prediction.vectors.drawn_plans import L_SHAPE, SIZE, Found, room

PLAN = floor_plan([*L_SHAPE, room(330, 20, 390, 80)], SIZE)
WITH_DOOR = floor_plan([*L_SHAPE, Found("door", 0.7, (200, 150, 210, 190))], SIZE)


def read(data: bytes) -> Drawing:
    document = ezdxf.read(io.StringIO(data.decode()))
    assert not document.audit().has_issues
    return document


def polylines(document: Drawing, layer: str) -> list[list[tuple[float, float]]]:
    found = list(document.modelspace().query(f'LWPOLYLINE[layer=="{layer}"]'))
    assert all(line.closed for line in found)
    return [[(x, y) for x, y in line.get_points("xy")] for line in found]


def test_with_a_scale_it_is_in_metres_with_y_upwards() -> None:
    document = read(to_dxf(PLAN, metres_per_pixel=0.02))
    assert document.header["$INSUNITS"] == 6
    assert (document.header["$EXTMIN"], document.header["$EXTMAX"]) == ((0, 0, 0), (8, 6, 0))
    first = polylines(document, "ROOMS")[0]
    assert first == [(0.4, 5.6), (6.4, 5.6), (6.4, 3.6), (4.0, 3.6), (4.0, 1.6), (0.4, 1.6)]


def test_without_a_scale_it_is_in_pixels_without_a_unit() -> None:
    document = read(to_dxf(PLAN))
    assert document.header["$INSUNITS"] == 0
    assert polylines(document, "ROOMS")[0][0] == (20, 280)


def test_walls_are_closed_polylines_with_centre_lines_of_their_own() -> None:
    document = read(to_dxf(PLAN, metres_per_pixel=0.1))
    assert len(polylines(document, "WALLS")) == len(PLAN.walls)
    lines = document.modelspace().query('LINE[layer=="CENTRE_LINES"]')
    assert len(lines) == len(PLAN.walls)
    assert (tuple(lines[0].dxf.start)[:2], tuple(lines[0].dxf.end)[:2]) == ((1.5, 28.5), (32.5, 28.5))


def test_rooms_are_numbered_with_their_areas() -> None:
    document = read(to_dxf(PLAN, metres_per_pixel=0.02))
    texts = [text.dxf.text for text in document.modelspace().query('TEXT[layer=="AREAS"]')]
    assert texts == ["Room 1: 19.2 m²", "Room 2: 4.0 m²", "Room 3 (box): 1.4 m²"]


def test_doors_and_windows_have_a_layer_where_there_are_some() -> None:
    assert polylines(read(to_dxf(WITH_DOOR)), "OPENINGS") == [[(200, 150), (210, 150), (210, 110), (200, 110)]]
    assert "OPENINGS" not in read(to_dxf(PLAN)).layers


def test_equal_plans_give_equal_bytes_and_ezdxf_is_left_as_it_was() -> None:
    assert to_dxf(PLAN) == to_dxf(PLAN)
    assert not ezdxf.options.write_fixed_meta_data_for_testing


def test_another_process_gives_the_same_bytes() -> None:
    """Sets have another order there."""
    document = read(to_dxf(PLAN))
    used = [each.dxf.name for each in document.classes if each.dxf.name in document.entitydb.dxf_types_in_use()]
    assert used == sorted(used)


@pytest.mark.parametrize("scale", [0, -0.02, float("nan"), float("inf"), 1e154, 1e-9])
def test_a_scale_that_is_no_length_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match=r"the metres of one pixel, such as 0\.02, from 0\.000001 to 1000"):
        to_dxf(PLAN, metres_per_pixel=scale)
