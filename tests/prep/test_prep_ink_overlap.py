"""Walls are recognised as lying on their image however it is drawn, and as not fitting where they do not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps

from dataset_prep.sample_plans.drawing import Style, draw
from dataset_prep.sample_plans.plan import make_plan
from dataset_prep.sources.ink_overlap import SIDE, InkOverlap, grey_thumbnail, ink_overlap
from dataset_prep.sources.model_svg import Polygon, parse_model

REAL = Path(__file__).resolve().parents[3] / "shared" / "cubicasa5k" / "high_quality"
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (90, 90, 90)
SOLID = Style(WHITE, BLACK, None, GREY, GREY, False)
HOLLOW = Style(WHITE, WHITE, BLACK, GREY, GREY, False)
COLOURFUL = Style(WHITE, (86, 52, 40), None, GREY, (120, 170, 205), True)


def colours(low: int, high: int) -> st.SearchStrategy[tuple[int, int, int]]:
    return st.tuples(*[st.integers(low, high)] * 3)


@st.composite
def styles(draw_from: st.DrawFn) -> Style:
    """Walls solid or hollow, dark, grey or coloured, rooms filled or not, on white or as a blueprint."""
    line = draw_from(colours(0, 120))
    solid = draw_from(st.booleans())
    wall, edge = (draw_from(colours(0, 190)), None) if solid else (draw_from(colours(200, 255)), line)
    paper = draw_from(colours(240, 255))
    return Style(paper, wall, edge, line, line, draw_from(st.booleans()))


def overlap(style: Style, seed: int, *, scale: float = 1.0, negative: bool = False) -> InkOverlap:
    """Of a drawn plan's walls on its image, after all of them were scaled about the image's corner."""
    plan = make_plan(random.Random(seed))
    image = draw(plan, style, 420, round(420 * plan.height / plan.width)).convert("L")
    walls = [[(x * scale, y * scale) for x, y in wall.polygon] for wall in plan.walls]
    found = ink_overlap(ImageOps.invert(image) if negative else image, walls, (plan.width, plan.height))
    assert found is not None
    return found


@settings(max_examples=30, deadline=None)
@given(style=styles(), seed=st.integers(0, 2**32), negative=st.booleans())
def test_an_annotation_fits_its_image_in_whatever_style_it_is_drawn(style: Style, seed: int, negative: bool) -> None:
    assert overlap(style, seed, negative=negative).fits


@pytest.mark.parametrize("style", [SOLID, HOLLOW, COLOURFUL])
@pytest.mark.parametrize("scale", [0.85, 1.25])
def test_an_annotation_in_another_scale_does_not_fit(style: Style, scale: float) -> None:
    assert [seed for seed in range(5) if overlap(style, seed, scale=scale).fits] == []


def test_nothing_fits_a_blank_image() -> None:
    found = ink_overlap(Image.new("L", (400, 300), 255), [[(10, 10), (200, 10), (200, 100), (10, 100)]], (400, 300))
    assert found is not None
    assert (found.in_place, found.fits) == (0, False)


@pytest.mark.parametrize("walls", [[], [[(1.0, 1.0), (9.0, 1.0), (9.0, 5.0)]], [[(5.0, 5.0)] * 4]])
def test_a_few_short_walls_say_nothing(walls: list[Polygon]) -> None:
    assert ink_overlap(Image.new("L", (400, 300)), walls, (400, 300)) is None


@given(
    walls=st.lists(st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2), min_size=3), max_size=5)
)
def test_no_coordinates_cause_an_error(walls: list[Polygon]) -> None:
    found = ink_overlap(Image.new("L", (64, 48), 255), walls, (1e-3, 1e6))
    assert found is None or 0 <= found.in_place <= 1


def real(plan: str) -> Image.Image:
    return grey_thumbnail(REAL / plan / "F1_original.png", SIDE)


def real_overlap(image: Image.Image, frame: tuple[float, float]) -> InkOverlap:
    found = ink_overlap(image, parse_model((REAL / "10004" / "model.svg").read_bytes()).walls, frame)
    assert found is not None
    return found


@pytest.mark.skipif(not REAL.is_dir(), reason="the real plans are not here")
def test_a_real_annotation_fits_its_own_image_in_the_right_frame_only() -> None:
    with Image.open(REAL / "10004" / "F1_scaled.png") as scaled, Image.open(REAL / "10004" / "F1_original.png") as full:
        right, unscaled = scaled.size, full.size
    image = real("10004")
    for variant in (image, ImageOps.invert(image), image.filter(ImageFilter.FIND_EDGES)):
        assert real_overlap(variant, right).fits
    view_box = (1215.74, 875.66)
    for frame in (view_box, unscaled):
        assert not real_overlap(image, frame).fits


@pytest.mark.skipif(not REAL.is_dir(), reason="the real plans are not here")
@pytest.mark.parametrize("plan", ["17", "90", "208", "221", "368", "470", "613", "717", "725", "743"])
def test_a_real_annotation_fits_no_other_plan(plan: str) -> None:
    assert not real_overlap(real(plan), (1432, 1050)).fits
