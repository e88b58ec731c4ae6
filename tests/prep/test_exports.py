"""Every export in the table of docs/sources.md is read as its tool writes it, with the right boxes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_prep.command_line import parse_options
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.run import main
from dataset_prep.sources.coco_dialects import around_turned
from dataset_prep.sources.detection import detect
from dataset_prep.sources.formats import read_source
from dataset_prep.sources.source import Source
from terminal.console import Terminal
from tests.prep.exports import EXPORTS, ROOM, ROWS, WALL, Export, label_studio_coco, roboflow_coco, roboflow_darknet

ROOT = Path(__file__).resolve().parents[2]


def read(root: Path, *more: str) -> Source:
    options = parse_options(["--source", str(root), *more]).source
    return read_source(options, exclude=None, workers=1, console=Terminal())


def codes(source: Source) -> set[str]:
    return {finding.code for finding in source.findings}


def test_the_page_has_a_row_for_each_export_that_is_tested_and_no_other() -> None:
    _, table = (ROOT / "docs/sources.md").read_text().split("| tool and export |", 1)
    rows = [line.split("|")[1].strip() for line in table.split("\n\n", 1)[0].splitlines()[2:]]
    assert rows == list(EXPORTS)


@pytest.mark.parametrize("below", ["", "export/"])
@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_as_its_tool_writes_it(tmp_path: Path, name: str, below: str) -> None:
    known = EXPORTS[name]
    known.write(Export(tmp_path / "source" / below))
    source = read(tmp_path / "source", *known.more)
    assert [finding for finding in source.findings if finding.severity == "error"] == []
    assert len(source.images) == known.images
    assert {(box.label, box.bbox) for image in source.images for box in image.boxes} == known.boxes
    assert all(image.boxes and not any(box.iscrowd for box in image.boxes) for image in source.images)
    assert {image.official_split for image in source.images} == known.splits
    assert [image.image_id for image in source.images] == sorted({image.image_id for image in source.images})
    (finding,) = (finding for finding in source.findings if finding.code == "FORMAT_DETECTED")
    assert f"taken for {source.format.upper()}, since it holds" in finding.message


@pytest.mark.parametrize("name", EXPORTS)
def test_what_macos_and_notebooks_leave_beside_files_is_not_read(tmp_path: Path, name: str) -> None:
    known = EXPORTS[name]
    known.write(Export(tmp_path))
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        for left in (path.parent, tmp_path / "__MACOSX" / path.parent.relative_to(tmp_path)):
            left.mkdir(parents=True, exist_ok=True)
            (left / f"._{path.name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        \xff\xfe")
        if path.suffix == ".txt":
            (path.parent / ".ipynb_checkpoints").mkdir(exist_ok=True)
            (path.parent / ".ipynb_checkpoints" / f"{path.stem}-checkpoint.txt").write_text("9 9 9\n")
    source = read(tmp_path, *known.more)
    assert [finding for finding in source.findings if finding.severity == "error"] == []
    assert len(source.images) == known.images
    assert {(box.label, box.bbox) for image in source.images for box in image.boxes} == known.boxes


def test_each_image_keeps_its_own_boxes_and_split_where_names_and_ids_are_the_same(tmp_path: Path) -> None:
    roboflow_coco(Export(tmp_path))
    for split, label in (("train", "wall"), ("valid", "room"), ("test", "room")):
        path = tmp_path / split / "_annotations.coco.json"
        content = json.loads(path.read_bytes())
        number = {category["name"]: category["id"] for category in content["categories"] if category["id"]}[label]
        content["annotations"] = [entry for entry in content["annotations"] if entry["category_id"] == number]
        path.write_text(json.dumps(content))
    source = read(tmp_path)
    assert [
        (image.path.parent.name, image.official_split, {box.label for box in image.boxes}) for image in source.images
    ] == [
        ("test", "test", {"room"}),
        ("train", "train", {"wall"}),
        ("train", "train", {"wall"}),
        ("valid", "val", {"room"}),
    ]
    assert {"IMAGE_IDS_RENUMBERED", "ROOT_CATEGORY_DROPPED"} <= codes(source)


def test_a_root_category_that_has_a_box_is_a_class_like_any_other(tmp_path: Path) -> None:
    roboflow_coco(Export(tmp_path))
    path = tmp_path / "train/_annotations.coco.json"
    content = json.loads(path.read_bytes())
    content["annotations"][0]["category_id"] = 0
    path.write_text(json.dumps(content))
    assert "CATEGORY_NAME_DUPLICATE" in codes(read(tmp_path))


@pytest.mark.parametrize(
    ("degrees", "box"),
    [
        (90, [48, 7, 4, 60]),
        (-90.0, [48, 7, 4, 60]),
        (180, [20, 35, 60, 4]),
        (45, [27.373, 14.373, 45.255, 45.255]),
        (359.5, [19.985, 34.738, 60.033, 4.523]),
    ],
)
def test_the_box_around_a_turned_rectangle_has_its_centre(degrees: float, box: list[float]) -> None:
    assert around_turned([20, 35, 60, 4], degrees) == pytest.approx(box, abs=0.002)


def test_turned_rectangles_are_said(tmp_path: Path) -> None:
    EXPORTS["CVAT: COCO, turned rectangles"].write(Export(tmp_path))
    (first, _) = (finding for finding in read(tmp_path).findings if finding.code == "BOXES_TURNED")
    assert "2 rectangles are turned (attributes.rotation" in first.message


@pytest.mark.parametrize("name", ["numbers as texts", "ids with a decimal point, as pandas writes them"])
def test_numbers_in_another_form_are_a_warning(tmp_path: Path, name: str) -> None:
    EXPORTS[f"COCO: {name}"].write(Export(tmp_path))
    (finding,) = (finding for finding in read(tmp_path).findings if finding.code == "NUMBERS_CONVERTED")
    assert finding.severity == "warning"


def test_paths_that_are_not_label_studios_are_not_found_by_their_base_name(tmp_path: Path) -> None:
    label_studio_coco(Export(tmp_path), "somewhere/else/")
    with pytest.raises(PrepError, match=r"the only file of that name is .*, in another folder"):
        read(tmp_path)


def test_what_else_a_source_could_be_is_named(tmp_path: Path) -> None:
    roboflow_coco(Export(tmp_path))
    roboflow_darknet(Export(tmp_path / "more"))
    (tmp_path / "data.yaml").write_text("names: [wall, room]\n")
    assert str(detect(tmp_path)) == (
        "taken for COCO, since it holds train/_annotations.coco.json and 2 more with COCO's sections; could be YOLO, "
        "since it holds data.yaml (--format yolo)"
    )
    (tmp_path / "train/_annotations.coco.json").write_text("{")
    for split in ("valid", "test"):
        shutil.rmtree(tmp_path / split)
    with pytest.raises(PrepError, match=r"The source was taken for COCO, .*; could be YOLO, .*\(--format yolo\)\."):
        read(tmp_path)


@pytest.mark.parametrize("write", [roboflow_coco, EXPORTS["Roboflow: YOLO"].write])
def test_two_exports_in_one_folder_are_told_apart_by_the_person(
    tmp_path: Path, write: Callable[[Export], object]
) -> None:
    for name in ("first", "second"):
        write(Export(tmp_path / name))
    with pytest.raises(UsageError, match=r"holds several data sets, by first/.* and second/.*: give the folder of one"):
        read(tmp_path)


def test_classes_that_the_names_of_a_source_lack_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roboflow_darknet(Export(tmp_path / "source"))
    given = ["--source", str(tmp_path / "source"), "--output", str(tmp_path / "d"), "--classes", "wall,door"]
    assert main(given) == 2
    assert "--classes 'door': the source has no class of that name; train/_darknet.labels names wall, room." in (
        capsys.readouterr().err
    )


def test_the_order_of_classes_is_the_labels_own_however_it_is_asked_for(tmp_path: Path) -> None:
    out = Export(tmp_path)
    out.picture("plans/train/images/a.png")
    out.text("plans/train/labels/a.txt", ROWS)
    out.text("plans/data.yaml", "train: ../train/images\nnc: 2\nnames: ['room', 'wall']\n")
    for more in ((), ("--classes", "wall,room")):
        (image,) = read(tmp_path, *more).images
        assert {box.label: box.bbox for box in image.boxes} == {"room": WALL, "wall": ROOM}
