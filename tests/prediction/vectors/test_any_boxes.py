"""What holds of the plan of any boxes at all."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, Polygon, box

from prediction.vectors.faces import FITS
from prediction.vectors.floor_plan import floor_plan
from prediction.vectors.plan import Box
from tests.prediction.vectors.drawn_plans import L_SHAPE, SIZE, Found, outlines, polygon, room

QUARTERS = st.integers(-40, 360).map(lambda number: number / 4)
ROUNDING = 1 / 64
"""Pixels that corners are rounded to."""
SIZES = st.tuples(st.integers(1, 80), st.integers(1, 80))


@st.composite
def detections(draw: st.DrawFn) -> list[Found]:
    """Long and compact boxes of all classes, partly beside the picture, with equal edges now and then."""
    found = []
    for label in draw(st.lists(st.sampled_from(["wall", "wall", "room", "door"]), max_size=14)):
        x, y, long, short = (draw(QUARTERS) for _ in range(4))
        width, height = draw(st.permutations([abs(long), abs(short) / 8 if label == "wall" else abs(short)]))
        found.append(Found(label, draw(st.integers(0, 8)) / 8, (x, y, x + width, y + height)))
    return found


@settings(max_examples=150, deadline=None)
@given(detections(), SIZES)
def test_rooms_are_valid_disjoint_and_within_the_picture_and_no_larger_than_their_boxes_allow(
    found: list[Found], size: tuple[int, int]
) -> None:
    plan = floor_plan(found, size)
    polygons = [polygon(one) for one in plan.rooms]
    picture = box(0, 0, *size)
    for one, shape in zip(plan.rooms, polygons, strict=True):
        assert shape.is_valid and shape.area == pytest.approx(one.area) and one.area > 0
        assert picture.covers(shape)
        assert shape.contains(Point(one.inside))
        assert one.area <= box(*one.box).area / FITS + ROUNDING * shape.length
    overlaps = [one.intersection(other).area for one, other in combinations(polygons, 2)]
    assert max(overlaps, default=0.0) == 0
    for wall in plan.walls:
        assert picture.covers(box(*wall.body))
        assert wall.start < wall.end and wall.thickness > 0


@settings(max_examples=100, deadline=None)
@given(detections(), SIZES)
def test_a_turned_picture_gives_the_same_plan_turned(found: list[Found], size: tuple[int, int]) -> None:
    width, height = size
    upright, turned = floor_plan(found, size), floor_plan([_turned(each, height) for each in found], (height, width))
    assert sorted(_turn(wall.body, height) for wall in upright.walls) == sorted(wall.body for wall in turned.walls)
    assert outlines(upright) == outlines(turned)
    for one, other in zip(upright.rooms, turned.rooms, strict=True):
        back = Polygon(
            [(y, height - x) for x, y in other.exterior], [[(y, height - x) for x, y in hole] for hole in other.holes]
        )
        assert polygon(one).symmetric_difference(back).area <= ROUNDING * back.length


def _turned(found: Found, height: int) -> Found:
    return found._replace(box=_turn(found.box, height))


def _turn(box: Box, height: int) -> Box:
    """By 90 degrees clockwise."""
    x0, y0, x1, y1 = box
    return height - y1, x0, height - y0, x1


def test_the_order_of_boxes_decides_only_the_order_of_rooms_and_walls() -> None:
    one, other = floor_plan(L_SHAPE, SIZE), floor_plan(L_SHAPE[::-1], SIZE)
    assert set(one.rooms) == set(other.rooms) and set(one.walls) == set(other.walls)


@pytest.mark.parametrize(
    "broken",
    [
        (math.nan, 0, 10, 10),
        (0, 0, math.inf, 10),
        (10, 10, 10, 40),
        (500, 0, 600, 10),
        (40, 40, 10, 10),
        (-30, 5, 0.1, 40),
    ],
    ids=["not a number", "infinite", "without an area", "beside the picture", "inside out", "a sliver on the picture"],
)
def test_a_box_without_a_part_on_the_picture_is_passed_over(broken: Box) -> None:
    assert floor_plan([room(*broken), Found("wall", 0.5, broken)], SIZE) == floor_plan([], SIZE)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 x 1 pixels, not 0 x 5"):
        floor_plan([], (0, 5))
