"""The demo writes one held-out plan as vectors, and its page shows and links them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import ezdxf
import pytest
from defusedxml import ElementTree
from PIL import Image

from demo.vectors import VectorPlan, write_vectors
from prediction.predictor import Predictor
from tests.demo.test_demo_page import rendered
from tests.evaluation.datasets import HEIGHT, PLANS, WIDTH, write_dataset
from tests.prediction.test_model_folder import write_model


@pytest.fixture
def vectors(tmp_path: Path) -> VectorPlan:
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model", classes=[{"id": 1, "name": "wall"}, {"id": 2, "name": "room"}])
    data = write_dataset(tmp_path / "data")
    (data / "test" / "images").mkdir()
    for number in PLANS["test"]:
        Image.new("L", (WIDTH, HEIGHT), 255).save(data / "test" / "images" / f"{number:06d}.png")
    written = write_vectors(data, "test", Predictor.load(tmp_path / "model"), tmp_path / "page")
    assert written is not None
    return written


def test_the_files_are_of_the_plan_that_is_shown(vectors: VectorPlan, tmp_path: Path) -> None:
    assert sorted(path.name for path in (tmp_path / "page" / "vectors").iterdir()) == [
        f"plan-{vectors.image_id}.{ending}" for ending in ("dxf", "geojson", "svg")
    ]
    features = json.loads((tmp_path / "page" / vectors.links["GeoJSON"]).read_text())["features"]
    rooms = [each for each in features if each["properties"]["class"] == "room"]
    assert (len(rooms), len(features) - len(rooms)) == (vectors.rooms, vectors.walls)
    assert sum(room["properties"]["outline"] == "walls" for room in rooms) == vectors.closed_rooms
    assert ezdxf.filemanagement.readfile(tmp_path / "page" / vectors.links["DXF"]).layers.has_entry("ROOMS")
    svg = base64.b64decode(vectors.predicted.removeprefix("data:image/svg+xml;base64,"))
    assert svg == (tmp_path / "page" / vectors.links["SVG"]).read_bytes()
    for picture in (svg, base64.b64decode(vectors.truth.removeprefix("data:image/svg+xml;base64,"))):
        assert ElementTree.fromstring(picture).attrib["viewBox"] == f"0 0 {WIDTH} {HEIGHT}"


def test_the_page_shows_and_links_them(vectors: VectorPlan) -> None:
    page = rendered(vectors=vectors)
    for link in vectors.links.values():
        assert f'href="{link}"' in page
    assert f'src="{vectors.predicted}"' in page
    assert f"{vectors.walls} walls, {vectors.rooms} rooms" in page
    assert "as vectors" not in rendered()
