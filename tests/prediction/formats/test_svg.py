"""The drawing over the plan: one file, no script, whatever the picture is called."""

from __future__ import annotations

import base64
import io
from xml.etree.ElementTree import Element

import defusedxml.ElementTree
import pytest
from PIL import Image

from prediction.formats.svg import LONGEST_SIDE, to_svg
from prediction.vectors.floor_plan import floor_plan
from tests.prediction.vectors.drawn_plans import L_SHAPE, SIZE, Found, room

SVG = "{http://www.w3.org/2000/svg}"
PLAN = floor_plan([*L_SHAPE, Found("door", 0.7, (200, 150, 210, 190)), room(330, 20, 390, 80)], SIZE)


def parsed(data: bytes) -> Element:
    root: Element = defusedxml.ElementTree.fromstring(data)
    return root


def titles(root: Element) -> list[str | None]:
    return [element.text for element in root.iter(f"{SVG}title")]


def test_it_draws_every_room_wall_and_opening_in_the_places_of_the_picture() -> None:
    root = parsed(to_svg(PLAN, "plan.png"))
    assert root.get("viewBox") == "0 0 400 300"
    drawn = [element.get("class") for element in root.iter() if element.get("class")]
    assert drawn.count("room") == 2 and drawn.count("room box") == 1
    assert drawn.count("wall") == drawn.count("centre") == len(PLAN.walls)
    assert drawn.count("opening") == 1
    [first, *_] = (element.get("d") for element in root.iter(f"{SVG}path"))
    assert first == "M20 20L320 20L320 120L200 120L200 220L20 220Z"


def test_pointing_at_something_tells_what_it_is() -> None:
    told = titles(parsed(to_svg(PLAN, "plan.png", metres_per_pixel=0.02)))
    assert "Room 1: 19.2 m², walls all around, score 0.80" in told
    assert "Room 3: 1.4 m², box only: walls do not close it, score 0.80" in told
    assert "Wall 1: 0.20 m thick, score 0.90" in told
    assert "Room 2: 9900 px², walls all around, score 0.80" in titles(parsed(to_svg(PLAN, "plan.png")))


def test_the_picture_is_inside_the_file() -> None:
    root = parsed(to_svg(PLAN, "plan.png", image=Image.new("L", SIZE, 200)))
    [image] = root.iter(f"{SVG}image")
    kind, _, content = (image.get("href") or "").partition(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == SIZE


def test_a_large_picture_is_embedded_smaller_in_the_same_place() -> None:
    size = (2 * LONGEST_SIDE, 300)
    [image] = parsed(to_svg(floor_plan([], size), "plan.png", image=Image.new("RGB", size))).iter(f"{SVG}image")
    content = base64.b64decode((image.get("href") or "").partition(",")[2])
    assert Image.open(io.BytesIO(content)).size == (LONGEST_SIDE, 150)
    assert (image.get("width"), image.get("height")) == (str(size[0]), str(size[1]))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>.png", "a&b\x00\x1b]]>.png", '"><g onload="x">'])
def test_a_name_is_text_and_never_markup(name: str) -> None:
    root = parsed(to_svg(PLAN, name))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "style", "g", "path", "rect", "text",
    }  # fmt: skip
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]
    assert (titles(root)[0] or "").startswith(name[:2])


def test_what_is_left_out_is_in_the_description() -> None:
    plan = floor_plan([*L_SHAPE, Found("b<d", 0.5, (1, 1, 5, 5))], SIZE)
    [description] = parsed(to_svg(plan, "plan.png")).iter(f"{SVG}desc")
    assert description.text == "Not drawn: the classes b<d."
