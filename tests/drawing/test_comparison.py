"""One picture shows the truth and what was found, small enough for a page."""

import pytest
from PIL import Image

from drawing.boxes import COLOURS, LabelledBox
from drawing.comparison import draw_comparison


def compared(width: int, height: int, *, found: bool = True) -> Image.Image:
    """A plan whose one true room is found or not."""
    box = LabelledBox("room", (width * 0.2, height * 0.2, width * 0.6, height * 0.6))
    plan = Image.new("L", (width, height), 255)
    return draw_comparison(plan, [box], [box] if found else [], ("wall", "room"), 1000, title="plan 7, epoch 3")


def outlines(picture: Image.Image) -> int:
    """Pixels in the colour of a room."""
    colours = picture.getcolors(picture.width * picture.height)
    assert colours is not None
    return sum(count for count, colour in colours if colour == COLOURS["room"])


@pytest.mark.parametrize("size", [(3000, 2000), (2000, 3000), (6000, 500), (500, 6000), (1, 1), (640, 480)])
def test_a_plan_of_any_shape_is_shown_twice_within_the_side(size: tuple[int, int]) -> None:
    assert max(compared(*size).size) <= 1000


def test_a_wide_plan_is_shown_one_above_the_other_a_tall_one_side_by_side() -> None:
    assert compared(3000, 1000).height > 600
    assert compared(1000, 3000).width > 600


def test_what_was_not_found_is_missing_from_one_of_the_two() -> None:
    both, one = outlines(compared(800, 600)), outlines(compared(800, 600, found=False))
    legend = 12 * 12
    assert one - legend < 0.6 * (both - legend)


def test_a_name_of_another_script_or_of_many_lines_is_drawn() -> None:
    names = ("居室\n二", "x" * 5000)
    boxes = [LabelledBox(name, (1, 1, 20, 20)) for name in names]
    assert max(draw_comparison(Image.new("RGB", (300, 300)), boxes, [], names, 1000, title="").size) <= 1000
