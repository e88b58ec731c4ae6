"""Predictions become pre-labels that CVAT and Label Studio import; what these export comes back as the same boxes."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from defusedxml import ElementTree
from PIL import Image

from dataset_prep.command_line import parse_options
from dataset_prep.sources.formats import read_source
from prediction.formats.registry import COMBINED
from prediction.formats.result import PlanResult
from prediction.predictor import Detection
from terminal.console import Terminal
from tests.prep.exports import Export

CLASSES = {1: "wall", 2: 'room <big> & "new"'}
ROOM = CLASSES[2]
SIZE = (100, 80)
PLANS = [
    PlanResult(
        "a.png",
        *SIZE,
        [Detection("wall", 0.9, (10.0, 8.0, 70.25, 12.0)), Detection(ROOM, 0.8, (20.0, 16.33, 60.0, 56.0))],
    ),
    PlanResult("upper & lower/é b.png", *SIZE, [Detection("wall", 0.7, (0.0, 0.0, 100.0, 4.5))]),
    PlanResult("upper & lower/empty.png", *SIZE, []),
    PlanResult("間取り\u30001 10.00\u202fAM.png", *SIZE, [Detection("wall", 0.6, (0.0, 0.0, 50.0, 4.5))]),
]
Boxes = Mapping[str, list[tuple[str, list[float]]]]
"""Of each plan by its name: class and x, y, width, height."""
EXPECTED: Boxes = {
    plan.plan: [
        (each.label, [*each.box[:2], each.box[2] - each.box[0], each.box[3] - each.box[1]]) for each in plan.detections
    ]
    for plan in PLANS
}


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """The pictures that the predictions are of."""
    for number, plan in enumerate(PLANS):
        path = tmp_path / "plans" / plan.plan
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE, (200, 255 - 60 * number, 90)).save(path)
    return tmp_path / "plans"


def written(format_: str) -> list[str]:
    """The contents of the format's files."""
    contents = []
    for each in COMBINED[format_]:
        file: IO[str] = io.StringIO()
        each.write(file, lambda: iter(PLANS), CLASSES)
        contents.append(file.getvalue())  # type: ignore[attr-defined]
    return contents


def in_cvat(files: Sequence[str], names: list[str]) -> Boxes:
    """What a task with images of these names, in CVAT's order of them, then holds: by CVAT's rules for this format."""
    content, labels = files
    known = {label["name"] for label in json.loads(labels) if label["type"] == "rectangle"}
    found: dict[str, list[tuple[str, list[float]]]] = {name: [] for name in names}
    root = ElementTree.fromstring(content)
    assert (root.tag, root.findtext("version")) == ("annotations", "1.1")
    for image in root.iter("image"):
        name = image.attrib["name"]
        frame = name if name in found else names[int(image.attrib["id"])]
        for box in image.iter("box"):
            assert box.attrib["label"] in known, "CVAT refuses a label that the task lacks"
            assert box.attrib["occluded"] in ("0", "1")
            x0, y0, x1, y1 = (float(box.attrib[edge]) for edge in ("xtl", "ytl", "xbr", "ybr"))
            found[frame].append((box.attrib["label"], [x0, y0, round(x1 - x0, 2), round(y1 - y0, 2)]))
    return found


def in_label_studio(files: Sequence[str]) -> Boxes:
    """What a project of this configuration then shows, by the path of each image below the folder that is served."""
    content, config = files
    view = ElementTree.fromstring(config)
    image, rectangles = view.find("Image"), view.find("RectangleLabels")
    assert image is not None
    assert rectangles is not None
    labels = {label.attrib["value"] for label in rectangles.iter("Label")}
    found: dict[str, list[tuple[str, list[float]]]] = {}
    for task in json.loads(content):
        url = urlsplit(task["data"][image.attrib["value"].removeprefix("$")])
        assert url.path == "/data/local-files/"
        boxes = found.setdefault(parse_qs(url.query)["d"][0], [])
        (prediction,) = task["predictions"]
        for region in prediction["result"]:
            assert region["type"] == "rectanglelabels"
            assert (region["from_name"], region["to_name"]) == (rectangles.attrib["name"], image.attrib["name"])
            assert rectangles.attrib["toName"] == image.attrib["name"]
            value = region["value"]
            (label,) = value["rectanglelabels"]
            assert label in labels
            assert all(0 <= value[side] <= 100 for side in ("x", "y", "width", "height"))
            width, height = region["original_width"] / 100, region["original_height"] / 100
            boxes.append(
                (label, [value["x"] * width, value["y"] * height, value["width"] * width, value["height"] * height])
            )
    return found


def coco(out: Export, path: str, boxes: Boxes, names: Mapping[str, str], first: int, **annotation: Any) -> None:
    """A tool's COCO file of these boxes; `names` are its file_names."""
    ids = {name: number for number, name in enumerate(CLASSES.values(), first)}
    images = [
        {"id": number, "width": SIZE[0], "height": SIZE[1], "file_name": names[plan]}
        for number, plan in enumerate(boxes, first)
    ]
    annotations = [
        {
            "image_id": number,
            "category_id": ids[label],
            "segmentation": [],
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
            **annotation,
        }
        for number, found in enumerate(boxes.values(), first)
        for label, box in found
    ]
    content = {
        "info": {"contributor": "Label Studio" if first == 0 else ""},
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in ids.items()],
        "images": images,
        "annotations": [{"id": number, **each} for number, each in enumerate(annotations, first)],
    }
    out.text(path, json.dumps(content))


def prepared(root: Path, plans: Path, *more: str) -> Boxes:
    """What the preparation reads, by the plan whose picture it is."""
    options = parse_options(["--source", str(root), *more]).source
    source = read_source(options, exclude=None, workers=1, console=Terminal())
    assert [finding for finding in source.findings if finding.severity == "error"] == []
    by_bytes = {(plans / plan.plan).read_bytes(): plan.plan for plan in PLANS}
    return {
        by_bytes[image.path.read_bytes()]: [(box.label, list(box.bbox)) for box in image.boxes]
        for image in source.images
    }


def same(found: Boxes) -> None:
    assert found.keys() == EXPECTED.keys()
    for name, boxes in found.items():
        assert [label for label, _ in boxes] == [label for label, _ in EXPECTED[name]]
        for (_, box), (_, expected) in zip(boxes, EXPECTED[name], strict=True):
            assert box == pytest.approx(expected, abs=0.01)


def test_cvat_and_back(plans: Path, tmp_path: Path) -> None:
    names = sorted(plan.plan for plan in PLANS)
    boxes = in_cvat(written("cvat"), names)
    same(boxes)
    for name in names:  # "COCO 1.0" with images
        target = tmp_path / "export" / "images" / "default" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(plans / name, target)
    attributes = {"occluded": False, "rotation": 0.0}
    out, own = Export(tmp_path / "export"), {name: name for name in names}
    coco(out, "annotations/instances_default.json", boxes, own, 1, attributes=attributes)
    same(prepared(tmp_path / "export", plans))


@pytest.mark.parametrize("with_images", [True, False])
@pytest.mark.parametrize("spelled", [str, quote])
def test_label_studio_and_back(plans: Path, tmp_path: Path, with_images: bool, spelled: Callable[[str], str]) -> None:
    shown = in_label_studio(written("label-studio"))
    boxes = {path.removeprefix("plans/"): found for path, found in shown.items()}
    same(boxes)
    served = {name: f"/data/local-files/?d=plans/{spelled(name)}" for name in boxes}  # as the task has it, or decoded
    if with_images:  # "COCO with images"
        served = {name: f"images\\{index:08x}-{Path(name).name}" for index, name in enumerate(boxes)}
        (tmp_path / "export" / "images").mkdir(parents=True)
        for name, exported in served.items():
            shutil.copy(plans / name, tmp_path / "export" / exported.replace("\\", "/"))
    coco(Export(tmp_path / "export"), "result.json", boxes, served, 0, ignore=0)
    same(prepared(tmp_path / "export", plans, *([] if with_images else ["--images", str(plans)])))
