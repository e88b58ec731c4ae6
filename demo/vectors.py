"""Walls and rooms of one held-out plan as vectors: pictures for the page, and files beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dataset_contract.atomic_write import write_atomically
from dataset_contract.load import load_split
from prediction.formats.plan_files import plan_file
from prediction.predictor import Detection, Predictor
from prediction.vectors.floor_plan import floor_plan
from prediction.vectors.plan import FloorPlan

NAMES = {"geojson": "GeoJSON", "svg": "SVG", "dxf": "DXF"}
"""Of the files, by format."""


@dataclass(frozen=True, slots=True)
class VectorPlan:
    """What the page shows of the plan."""

    image_id: int
    truth: str
    """The drawing from the data set's boxes, as a data URI."""
    predicted: str
    walls: int
    """Of the drawing from the model's boxes, as are the rooms."""
    rooms: int
    closed_rooms: int
    """Those that walls close."""
    links: Mapping[str, str]
    """From the page to the files, by the name of their format."""


def write_vectors(dataset_root: Path, split: str, predictor: Predictor, page_folder: Path) -> VectorPlan | None:
    """Write the vectors of the split's first plan below the page's folder; None if the split is empty."""
    dataset = load_split(dataset_root, split)
    if not dataset.images:
        return None
    image = dataset.images[0]
    names = {category.id: category.name for category in dataset.categories}
    true_boxes = [
        Detection(names[each.category_id], 1.0, (x, y, x + width, y + height))
        for each in dataset.annotations
        if each.image_id == image.id
        for x, y, width, height in [each.bbox]
    ]
    with Image.open(dataset_root / split / image.file_name) as picture:
        picture.load()
    plan = _plan(predictor.predict(picture), picture)
    folder = page_folder / "vectors"
    folder.mkdir(parents=True)
    contents = {format_: _file(format_, plan, picture) for format_ in NAMES}
    links = {}
    for format_, content in contents.items():
        path = folder / f"plan-{image.id}.{format_}"
        write_atomically(path, content)
        links[NAMES[format_]] = path.relative_to(page_folder).as_posix()
    return VectorPlan(
        image_id=image.id,
        truth=_uri(_file("svg", _plan(true_boxes, picture), picture)),
        predicted=_uri(contents["svg"]),
        walls=len(plan.walls),
        rooms=len(plan.rooms),
        closed_rooms=sum(room.outline == "walls" for room in plan.rooms),
        links=links,
    )


def _plan(found: Iterable[Detection], picture: Image.Image) -> FloorPlan:
    return floor_plan(found, picture.size)


def _file(format_: str, plan: FloorPlan, picture: Image.Image) -> bytes:
    return plan_file(format_, plan, "plan", picture=picture, metres_per_pixel=None, normalised=False)


def _uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
