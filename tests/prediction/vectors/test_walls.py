"""Wall boxes become straight walls: one for what is one wall, with ends that meet."""

from __future__ import annotations

import pytest

from prediction.vectors.floor_plan import floor_plan
from prediction.vectors.plan import Wall
from tests.prediction.vectors.drawn_plans import SIZE, Found, wall


def walls(*boxes: Found) -> list[Wall]:
    return list(floor_plan(boxes, SIZE).walls)


def lines(*boxes: Found) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return [(each.start, each.end) for each in walls(*boxes)]


@pytest.mark.parametrize(
    ("box", "start", "end"),
    [((20, 50, 120, 60), (20, 55), (120, 55)), ((50, 20, 60, 120), (55, 20), (55, 120))],
    ids=["wide", "high"],
)
def test_a_wall_runs_along_the_longer_side_of_its_box(
    box: tuple[float, ...], start: tuple[float, float], end: tuple[float, float]
) -> None:
    [one] = walls(wall(*box))
    assert (one.start, one.end, one.thickness, one.body) == (start, end, 10, box)


def test_pieces_on_one_line_are_one_wall() -> None:
    [one] = walls(wall(20, 50, 120, 60, score=0.9), wall(125, 51, 225, 61, score=0.6))
    assert (one.start, one.end, one.thickness, one.score) == ((20, 55.5), (225, 55.5), 10, 0.6)


@pytest.mark.parametrize(
    "other",
    [wall(140, 50, 240, 60), wall(120, 47, 220, 63), wall(120, 56, 220, 66)],
    ids=["a gap wider than the walls", "much thicker", "aside by more than half of the thickness"],
)
def test_other_pieces_stay_apart(other: Found) -> None:
    assert len(walls(wall(20, 50, 120, 60), other)) == 2


def test_a_row_that_drifts_off_its_line_is_not_straightened() -> None:
    row = [wall(20 + 60 * step, 50 + 4 * step, 80 + 60 * step, 60 + 4 * step) for step in range(5)]
    assert [one.body for one in walls(*row)] == [piece.box for piece in row]


@pytest.mark.parametrize("other", [(20, 50, 120, 60), (30, 51, 110, 59)], ids=["the same box", "one within it"])
def test_a_wall_found_twice_counts_once(other: tuple[float, ...]) -> None:
    assert lines(wall(20, 50, 120, 60), wall(*other)) == [((20, 55), (120, 55))]


def test_the_two_leaves_of_a_double_wall_are_two_walls() -> None:
    assert lines(wall(20, 50, 220, 60), wall(20, 63, 220, 73)) == [((20, 55), (220, 55)), ((20, 68), (220, 68))]


@pytest.mark.parametrize("slip", [-8, 0, 8])
def test_ends_meet_in_a_corner(slip: float) -> None:
    flat, upright = walls(wall(20, 50, 200 + slip, 60), wall(195, 50 - slip, 205, 200))
    assert flat.end == upright.start == (200, 55)
    assert flat.body == (20, 50, 205, 60), "to the far face, so that the corner is full"
    assert upright.body == (195, 50, 205, 200)


@pytest.mark.parametrize("slip", [-8, 0, 5])
def test_an_end_meets_the_wall_that_it_runs_into(slip: float) -> None:
    bar, stem = walls(wall(20, 50, 380, 60), wall(195, 60 - slip, 205, 200))
    assert (bar.start, bar.end) == ((20, 55), (380, 55))
    assert stem.start == (200, 55)


def test_a_crossing_changes_neither_wall() -> None:
    boxes = wall(20, 100, 380, 110), wall(195, 20, 205, 280)
    assert [one.body for one in walls(*boxes)] == [box.box for box in boxes]


def test_a_stub_as_short_as_a_wall_is_thick_keeps_its_length() -> None:
    [_, stub] = walls(wall(20, 50, 380, 60), wall(195, 44, 202, 62))
    assert stub.body == (195, 44, 202, 62)


@pytest.mark.parametrize(
    ("neighbour", "length"),
    [(wall(60, 50, 200, 60), 150), (wall(50, 60, 60, 200), 150), (wall(100, 100, 200, 110), 10)],
    ids=["left of a wall", "above a wall", "alone"],
)
def test_a_square_box_takes_the_way_of_the_wall_that_it_continues(neighbour: Found, length: float) -> None:
    first = walls(neighbour, wall(50, 50, 60, 60))[0 if length > 10 else 1]
    assert max(first.end[0] - first.start[0], first.end[1] - first.start[1]) == length


def test_a_post_between_two_walls_belongs_to_neither_and_they_meet_on_it() -> None:
    flat, upright, post = walls(wall(60, 50, 200, 60), wall(50, 60, 60, 200), wall(50, 50, 60, 60))
    assert flat.start == upright.start == (55, 55)
    assert post.body == (50, 50, 60, 60)


def test_a_box_too_thick_for_a_wall_is_left_out_and_said() -> None:
    plan = floor_plan([wall(20, 50, 220, 60), wall(50, 20, 60, 200), wall(220, 60, 300, 140)], SIZE)
    assert len(plan.walls) == 2
    [note] = plan.notes
    assert note.startswith("Left out as no straight walls: 1 wall box whose") and "Diagonal walls" in note
