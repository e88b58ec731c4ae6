"""Rooms get the faces between walls, as their boxes say, and their boxes alone where walls do not close."""

from __future__ import annotations

import pytest
from shapely import box

from prediction.vectors.floor_plan import floor_plan
from tests.prediction.vectors.drawn_plans import L_SHAPE, SIZE, Found, outlines, polygon, room, wall, walls_around


def test_a_room_has_the_shape_that_its_walls_give_it() -> None:
    around, closet = floor_plan(L_SHAPE, SIZE).rooms
    assert (around.outline, closet.outline) == ("walls", "walls")
    assert around.exterior == ((20, 20), (320, 20), (320, 120), (200, 120), (200, 220), (20, 220))
    assert around.area == 300 * 200 - 120 * 100
    assert polygon(closet).equals(box(210, 130, 320, 220))


def test_a_box_that_is_off_by_some_pixels_still_gets_the_whole_face() -> None:
    [one] = floor_plan([*walls_around(20, 20, 320, 220), room(28, 15, 310, 212)], SIZE).rooms
    assert polygon(one).equals(box(20, 20, 320, 220))


def test_a_corridor_around_a_room_is_not_taken_for_the_room() -> None:
    plan = floor_plan(
        [
            *walls_around(20, 20, 360, 260),
            *walls_around(80, 80, 350, 250),
            room(20, 20, 360, 260),
            room(80, 80, 350, 250),
        ],
        SIZE,
    )
    corridor, inner = plan.rooms
    assert outlines(plan) == ["walls", "walls"]
    assert polygon(inner).equals(box(80, 80, 350, 250))
    assert corridor.area == 340 * 240 - 290 * 190


def test_a_room_around_another_one_has_a_hole() -> None:
    boxes = [*walls_around(20, 20, 360, 260), *walls_around(120, 100, 220, 180)]
    around, inner = floor_plan([*boxes, room(20, 20, 360, 260), room(120, 100, 220, 180)], SIZE).rooms
    assert around.holes == (((110, 90), (110, 190), (230, 190), (230, 90)),)
    assert polygon(inner).equals(box(120, 100, 220, 180))


@pytest.mark.parametrize(("gap", "outline"), [(50, "walls"), (80, "box")])
def test_a_gap_as_wide_as_a_door_is_closed_and_a_wider_one_is_not(gap: float, outline: str) -> None:
    boxes = [*walls_around(20, 20, 320, 220), wall(165, 20, 175, 100), wall(165, 100 + gap, 175, 220)]
    plan = floor_plan([*boxes, room(20, 20, 165, 220), room(175, 20, 320, 220)], SIZE)
    assert outlines(plan) == [outline, outline]
    assert [polygon(one).equals(box(*one.box)) for one in plan.rooms] == [True, True]


@pytest.mark.parametrize(
    "beside",
    [[wall(165, 70, 175, 220)], [wall(165, 20, 175, 24), wall(165, 74, 175, 78), wall(165, 128, 175, 220)]],
    ids=["no stub", "stubs shorter than the wall is thick"],
)
def test_a_door_beside_a_wall_is_closed(beside: list[Found]) -> None:
    boxes = [*walls_around(20, 20, 320, 220), *beside]
    assert outlines(floor_plan([*boxes, room(20, 20, 165, 220), room(175, 20, 320, 220)], SIZE)) == ["walls", "walls"]


def test_a_missing_corner_is_closed() -> None:
    top, bottom, left, right = walls_around(20, 20, 320, 220)
    cut = [top._replace(box=(10, 10, 280, 20)), bottom, left, right._replace(box=(320, 60, 330, 230))]
    [one] = floor_plan([*cut, room(20, 20, 320, 220)], SIZE).rooms
    assert one.outline == "walls" and polygon(one).equals(box(20, 20, 320, 220))


@pytest.mark.parametrize("label", ["door", "Window"])
def test_a_door_or_window_that_the_model_finds_closes_a_gap_of_any_width(label: str) -> None:
    boxes = [*walls_around(20, 20, 320, 220), wall(165, 20, 175, 80), wall(165, 190, 175, 220)]
    found = [*boxes, Found(label, 0.7, (165, 80, 175, 190)), room(20, 20, 165, 220), room(175, 20, 320, 220)]
    plan = floor_plan(found, SIZE)
    assert outlines(plan) == ["walls", "walls"]
    assert [(each.label, each.box) for each in plan.openings] == [(label.lower(), (165, 80, 175, 190))]


def test_a_gap_that_is_closed_within_a_room_does_not_divide_it() -> None:
    boxes = [*walls_around(20, 20, 320, 220), wall(165, 20, 175, 90), wall(165, 140, 175, 220)]
    [one] = floor_plan([*boxes, room(20, 20, 320, 220)], SIZE).rooms
    assert one.outline == "walls"
    assert one.area == 300 * 200 - 10 * 150


def test_an_open_plan_is_divided_by_the_boxes_and_says_so() -> None:
    boxes = walls_around(20, 20, 320, 220)
    plan = floor_plan([*boxes, room(20, 20, 320, 220), room(200, 120, 320, 220)], SIZE)
    living, kitchen = plan.rooms
    assert outlines(plan) == ["box", "box"]
    assert polygon(kitchen).equals(box(200, 120, 320, 220))
    assert polygon(living).equals(box(20, 20, 320, 220).difference(box(200, 120, 320, 220)))


def test_an_unsure_box_within_a_room_is_left_out() -> None:
    boxes = walls_around(20, 20, 320, 220)
    plan = floor_plan([*boxes, room(20, 20, 320, 220), room(200, 120, 320, 220, score=0.4)], SIZE)
    assert outlines(plan) == ["walls"]
    assert plan.notes == ("Left out: 1 room box, since other rooms cover them.",)


def test_of_two_boxes_that_overlap_the_surer_one_stays_whole() -> None:
    one, other = floor_plan([room(20, 20, 120, 100, score=0.5), room(100, 20, 320, 220, score=0.7)], SIZE).rooms
    assert polygon(one).equals(box(20, 20, 100, 100))
    assert polygon(other).equals(box(100, 20, 320, 220))


def test_a_box_that_counts_for_nothing_takes_nothing_from_others() -> None:
    surest, covered = room(20, 20, 120, 120, score=0.9), room(50, 20, 130, 120, score=0.7)
    plan = floor_plan([surest, covered, room(100, 20, 260, 120, score=0.5)], SIZE)
    assert [one.score for one in plan.rooms] == [0.9, 0.5]
    assert polygon(plan.rooms[1]).equals(box(120, 20, 260, 120))


def test_a_room_without_walls_has_its_box_less_the_rooms_that_walls_close() -> None:
    boxes = [*walls_around(20, 20, 120, 120), room(20, 20, 120, 120), room(110, 20, 300, 120)]
    closed, balcony = floor_plan(boxes, SIZE).rooms
    assert (closed.outline, balcony.outline) == ("walls", "box")
    assert polygon(closed).equals(box(20, 20, 120, 120))
    assert polygon(balcony).equals(box(120, 20, 300, 120))


def test_without_a_wall_there_are_boxes_alone() -> None:
    plan = floor_plan([room(20, 20, 120, 120), room(60, 60, 300, 200)], SIZE)
    assert outlines(plan) == ["box", "box"]
    assert [one.area for one in plan.rooms] == [100 * 100, 240 * 140 - 60 * 60]


def test_a_room_found_twice_counts_once_and_that_is_said() -> None:
    boxes = [*walls_around(20, 20, 320, 220), room(20, 20, 320, 200, score=0.4), room(20, 20, 320, 220, score=0.9)]
    plan = floor_plan(boxes, SIZE)
    assert [one.score for one in plan.rooms] == [0.9]
    assert plan.notes == ("Left out: 1 room box, since other rooms cover them.",)


def test_a_slit_between_walls_is_no_way_through() -> None:
    boxes = [*walls_around(20, 20, 320, 220), wall(165, 20, 175, 120), wall(178, 117, 188, 220)]
    plan = floor_plan([*boxes, room(20, 20, 165, 220), room(188, 20, 320, 220)], SIZE)
    assert outlines(plan) == ["walls", "walls"]


def test_other_classes_are_named_and_not_drawn() -> None:
    plan = floor_plan([Found("bed\x1b", 0.9, (20, 20, 60, 60)), *L_SHAPE], SIZE)
    assert plan.notes == ("Not drawn: the classes bed\\x1b.",)
    assert len(plan.rooms) == 2
