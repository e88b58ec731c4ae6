"""Boxes are drawn whatever they are, each class in its colour."""

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drawing.boxes import LabelledBox, colour_of, corners_of, draw_boxes


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.floats(width=64)] * 4), max_size=4))
def test_any_box_can_be_drawn(bboxes: list[tuple[float, float, float, float]]) -> None:
    boxes = [LabelledBox("wall", bbox) for bbox in bboxes]
    drawn = draw_boxes(Image.new("L", (40, 30), 255), boxes, ("wall",), 20, marked=boxes[0] if boxes else None)
    assert drawn.size == (20, 15)


def test_each_class_has_its_colour() -> None:
    classes = ("wall", "bath", "room", "hall")
    assert len({colour_of(name, classes) for name in classes}) == 4
    drawn = draw_boxes(Image.new("L", (40, 30), 255), [LabelledBox("bath", (5, 5, 20, 10))], classes, 40)
    assert drawn.getpixel((5, 5)) == colour_of("bath", classes)


def test_a_box_beyond_the_edge_is_cut_by_the_width_across_and_by_the_height_down() -> None:
    assert corners_of((90, 10, 900, 10), 0.5, (50, 20)) == (45, 5, 52, 10)
    assert corners_of((10, 30, 10, 900), 0.5, (50, 20)) == (5, 15, 10, 22)
    assert corners_of((-90, -90, 900, 900), 1, (50, 20)) == (-2, -2, 52, 22)
