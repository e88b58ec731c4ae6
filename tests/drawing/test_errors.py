"""A plan with hits, false boxes and misses: each in its own style, whole or in part."""

from __future__ import annotations

import pytest
from PIL import Image

from drawing.errors import STYLES, Style, StyledBox, draw_errors, draw_part

PLAN = Image.new("L", (200, 100), 255)


def colours(image: Image.Image) -> set[tuple[int, ...]]:
    return {colour for _, colour in image.getcolors(1 << 16) or () if isinstance(colour, tuple)}


@pytest.mark.parametrize("style", STYLES)
def test_each_style_has_its_colour(style: Style) -> None:
    drawn = draw_errors(PLAN, [StyledBox(style, (20, 20, 60, 40))], 640)
    assert drawn.size == PLAN.size
    assert STYLES[style][0] in colours(drawn)
    assert not any(STYLES[other][0] in colours(drawn) for other in STYLES if other != style)


def test_misses_are_dashed_and_false_boxes_are_not() -> None:
    for style, whole in (("false", True), ("missed", False)):
        drawn = draw_errors(PLAN, [StyledBox(style, (20, 20, 100, 40))], 640)  # type: ignore[arg-type]
        on_top = {drawn.getpixel((x, 20)) == STYLES[style][0] for x in range(22, 118)}  # type: ignore[index]
        assert on_top == ({True} if whole else {True, False})


def test_a_large_plan_is_drawn_smaller() -> None:
    assert draw_errors(Image.new("L", (2000, 1000)), [], 500).size == (500, 250)


def test_a_part_is_around_the_boxes_that_it_is_about() -> None:
    plan = Image.new("RGB", (1000, 1000), (255, 255, 255))
    meant, far = StyledBox("false", (500, 500, 20, 20)), StyledBox("missed", (10, 10, 50, 50))
    drawn = draw_part(plan, [meant, far], [meant], 400)
    assert max(drawn.size) <= 400
    assert STYLES["false"][0] in colours(drawn)
    assert STYLES["missed"][0] not in colours(drawn)


@pytest.mark.parametrize(
    "box", [(0.0, 0.0, 0.0, 0.0), (195.0, 95.0, 50.0, 50.0), (-40.0, -40.0, 20.0, 20.0), (500.0, 500.0, 5.0, 5.0)]
)
def test_a_part_at_the_edge_can_be_drawn(box: tuple[float, float, float, float]) -> None:
    meant = StyledBox("false", box)
    assert min(draw_part(PLAN, [meant], [meant], 300).size) >= 1
