"""Outlines are read from model.svg as CubiCasa5K means them, and nothing else is taken for one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_prep.sources.model_svg import SvgError, parse_model

SQUARE = "0,0 10,0 10,5 0,5 "
BOX = [(0.0, 0.0), (10.0, 0.0), (10.0, 5.0), (0.0, 5.0)]


def svg(inside: str) -> bytes:
    return (
        f'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><g id="Model" class="Model v1-1">'
        f'<g class="Floor"><g class="Floorplan Floor-1">{inside}</g></g></g></svg>'
    ).encode()


def group(kind: str, inside: str = f'<polygon points="{SQUARE}"/>', **attributes: str) -> str:
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<g class="{kind}"{given}>{inside}</g>'


@pytest.mark.parametrize("kind", ["Wall", "Wall ", "Wall External", " Wall  External "])
def test_a_wall_is_known_by_its_token(kind: str) -> None:
    assert parse_model(svg(group(kind))).walls == [BOX]


@pytest.mark.parametrize("kind", ["WallCabinet", "FixedFurniture WallCabinet", "Door", "Walls", "Column"])
def test_what_is_only_called_alike_is_no_wall(kind: str) -> None:
    model = parse_model(svg(group(kind)))
    assert (model.walls, model.spaces, model.railings) == ([], [], [])


def test_a_rooms_type_is_what_follows_the_token_space() -> None:
    model = parse_model(svg(group("Space Closet WalkIn ") + group("SpaceDimensionsLabel") + group("Space")))
    assert [space.kind for space in model.spaces] == ["Closet WalkIn", ""]


def test_doors_windows_and_marks_inside_of_a_wall_are_not_walls() -> None:
    door = group("Door Swing Beside", '<polygon points="1,1 2,1 2,2"/>' + group("Panel"))
    model = parse_model(svg(group("Wall", f'<polygon points="{SQUARE}"/>{door}')))
    assert model.walls == [BOX]


def test_the_outline_is_the_first_direct_polygon_not_a_nested_one() -> None:
    door = group("Door", '<polygon points="1,1 2,1 2,2"/>')
    model = parse_model(svg(group("Wall", f'{door}<desc/><polygon points="{SQUARE}"/><polygon points="9,9 8,8 7,9"/>')))
    assert model.walls == [BOX]


def test_railings_are_kept_apart_from_walls() -> None:
    model = parse_model(svg(group("Railing") + group("Wall")))
    assert (len(model.walls), len(model.railings)) == (1, 1)


def test_hidden_floors_count_and_references_to_floors_do_not() -> None:
    floors = '<g class="Floor" style="display:none">' + group("Wall") + "</g>"
    composed = '<g class="FloorsCompose"><use href="#Floor-1"/>' + group("Wall") + "</g>"
    assert len(parse_model(svg(floors + composed)).walls) == 1


@pytest.mark.parametrize(
    "points", ["0,0,10,0,10,5,0,5", " 0 0 10 0 10 5 0 5", "0,0 10,0\n10,5\t0,5", "+0,-0 1e1,0 10.,5 0,.5e1"]
)
def test_points_are_numbers_however_they_are_parted(points: str) -> None:
    assert parse_model(svg(group("Wall", f'<polygon points="{points}"/>'))).walls == [BOX]


NUMBERS = st.lists(st.tuples(*[st.floats(-1e6, 1e6).map(lambda number: f"{number:.4g}")] * 2), min_size=3, max_size=9)


@given(
    corners=NUMBERS,
    gaps=st.lists(st.sampled_from([",", " ", ", ", "  ", "\n", "\t,"]), min_size=18, max_size=18),
    end=st.sampled_from(["", " ", "\n"]),
)
def test_every_corner_is_read_however_the_numbers_are_parted(
    corners: list[tuple[str, str]], gaps: list[str], end: str
) -> None:
    numbers = [number for corner in corners for number in corner]
    points = "".join(number + gap for number, gap in zip(numbers, gaps, strict=False)).rstrip(", \n\t") + end
    (wall,) = parse_model(svg(group("Wall", f'<polygon points="{points}"/>'))).walls
    assert wall == [(float(x), float(y)) for x, y in corners]


@pytest.mark.parametrize("points", ["", "0,0", "0,0 1,1", "0,0 1,1 2", "a,b c,d e,f", "0,0 1,1 1e999,2"])
def test_a_wall_without_a_usable_outline_is_counted_and_left_out(points: str) -> None:
    model = parse_model(svg(group("Wall", f'<polygon points="{points}"/>') + group("Wall", "")))
    assert (model.walls, model.without_outline) == ([], {"Wall": 2})


def test_a_wall_that_transforms_move_beyond_all_numbers_is_counted_and_left_out() -> None:
    model = parse_model(svg(group("Wall", transform="scale(1e308) scale(1e308)")))
    assert (model.walls, model.without_outline) == ([], {"Wall": 1})


def test_transforms_of_all_ancestors_apply() -> None:
    wall = group("Wall", f'<polygon points="{SQUARE}" transform="scale(2)"/>', transform="translate(1 2)")
    model = parse_model(svg(f'<g transform="matrix(0,1,-1,0,100,0)">{wall}</g>'))
    (x, y) = model.walls[0][2]  # 10,5 -> 20,10 -> 21,12 -> 100-12,21
    assert (x, y) == (88, 21)


@given(x=st.floats(-1e3, 1e3), y=st.floats(-1e3, 1e3), angle=st.floats(-360, 360))
def test_a_rotation_about_a_point_leaves_that_point(x: float, y: float, angle: float) -> None:
    wall = group("Wall", f'<polygon points="{x},{y} 1,1 2,2"/>', transform=f"rotate({angle},{x},{y})")
    turned = parse_model(svg(wall)).walls[0][0]
    assert math.isclose(turned[0], x, abs_tol=1e-6)
    assert math.isclose(turned[1], y, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not well-formed"),
        (b"<svg", "not well-formed"),
        (b"\xff\xfe\x00", "not well-formed"),
        (b'<?xml version="1.0" encoding="nonsense"?><svg/>', "not well-formed"),
        (b"<html/>", "root element is <html>"),
        (b"<svg/>", "no group of the class Model"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>', "not well-formed"),
        (svg(group("Wall", transform="wobble(3)")), "wobble"),
        (svg(group("Wall", transform="rotate(1e999)")), r"rotate\(\[inf\]\), which moves everything out of sight"),
        (svg(group("Wall", transform="skewX(-1e999)")), "out of sight"),
    ],
)
def test_what_is_no_model_svg_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(SvgError, match=reason):
        parse_model(data)


@given(st.binary(max_size=200))
def test_no_bytes_cause_another_error(data: bytes) -> None:
    with pytest.raises(SvgError):
        parse_model(data)


def test_deep_nesting_is_no_problem() -> None:
    assert len(parse_model(svg("<g>" * 20_000 + group("Wall") + "</g>" * 20_000)).walls) == 1


@pytest.mark.parametrize("transform", ["rotate(" * 200_000, "a" * 1_000_000, "a(" + " " * 1_000_000])
def test_a_hostile_transform_is_read_once_not_again_from_each_of_its_characters(transform: str) -> None:
    """Else this test would not end."""
    assert len(parse_model(svg(group("Wall", transform=transform))).walls) == 1
