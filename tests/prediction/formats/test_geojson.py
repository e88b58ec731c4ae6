"""GeoJSON that other tools read, with coordinates in pixels or in shares of the picture."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shapely.geometry import shape

from prediction.formats.geojson import to_geojson
from prediction.vectors.floor_plan import floor_plan
from tests.prediction.vectors.drawn_plans import L_SHAPE, SIZE, Found

PLAN = floor_plan([*L_SHAPE, Found("door", 0.7, (200, 150, 210, 190))], SIZE)


def features(data: bytes) -> dict[str, dict[str, Any]]:
    return {feature["id"]: feature for feature in json.loads(data)["features"]}


def test_it_has_the_members_that_rfc_7946_asks_for() -> None:
    collection = json.loads(to_geojson(PLAN, "plan.png"))
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == len(PLAN.rooms) + len(PLAN.walls) + len(PLAN.openings)
    for feature in collection["features"]:
        assert feature["type"] == "Feature" and set(feature) == {"type", "id", "geometry", "properties"}
        assert shape(feature["geometry"]).is_valid
        if feature["geometry"]["type"] == "Polygon":
            [exterior, *_] = feature["geometry"]["coordinates"]
            assert len(exterior) >= 4 and exterior[0] == exterior[-1]
            assert shape(feature["geometry"]).exterior.is_ccw, "RFC 7946, 3.1.6: exterior rings are counterclockwise"


def test_holes_run_the_other_way_round() -> None:
    around = [Found("wall", 0.9, box) for box in ((90, 90, 210, 100), (90, 190, 210, 200), (90, 90, 100, 200))]
    walls = [*around, Found("wall", 0.9, (200, 90, 210, 200)), Found("room", 0.9, (0, 0, 400, 300))]
    room = features(to_geojson(floor_plan(walls, SIZE), "plan.png"))["room-1"]
    [hole] = shape(room["geometry"]).interiors
    assert not hole.is_ccw


def test_it_says_what_the_coordinates_are() -> None:
    about = json.loads(to_geojson(PLAN, "plan.png", metres_per_pixel=0.02))["picture"]
    assert about == {
        "name": "plan.png",
        "width": 400,
        "height": 300,
        "unit": "pixel",
        "origin": "upper left corner",
        "y": "down",
        "metres_per_pixel": 0.02,
        "notes": [],
    }


def test_rooms_walls_and_openings_carry_what_is_known_of_them() -> None:
    found = features(to_geojson(PLAN, "plan.png", metres_per_pixel=0.02))
    assert found["room-1"]["properties"] == {
        "class": "room",
        "outline": "walls",
        "score": 0.8,
        "area_px": 48000.0,
        "area_m2": 19.2,
    }
    assert found["wall-1"]["properties"] == {"class": "wall", "thickness_px": 10.0, "thickness_m": 0.2, "score": 0.9}
    assert found["wall-1"]["geometry"] == {"type": "LineString", "coordinates": [[15, 15], [325, 15]]}
    assert found["opening-1"]["properties"] == {"class": "door", "score": 0.7}


def test_normalised_coordinates_are_shares_of_the_picture() -> None:
    data = to_geojson(PLAN, "plan.png", normalised=True)
    assert json.loads(data)["picture"]["unit"] == "share of width and height"
    found = features(data)
    assert found["wall-1"]["geometry"]["coordinates"] == [[0.0375, 0.05], [0.8125, 0.05]]
    assert found["room-1"]["geometry"]["coordinates"][0][0] == [0.05, pytest.approx(20 / 300, abs=1e-6)]
    assert found["room-1"]["properties"]["area_px"] == 48000.0


def test_a_plan_without_anything_is_a_collection_of_nothing() -> None:
    assert json.loads(to_geojson(floor_plan([], SIZE), "plan.png"))["features"] == []


@pytest.mark.parametrize("name", ['a"b.png', "ä\x1b[2J\n.png", "</script>.png"])
def test_any_name_is_text_of_valid_json(name: str) -> None:
    data = to_geojson(PLAN, name)
    assert json.loads(data)["picture"]["name"] == name
    assert data.isascii() and b"\x1b" not in data
