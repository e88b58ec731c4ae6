"""Formats that are not read are named, with the way to one that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.prep.exports import Export, ultralytics


@pytest.mark.parametrize(
    ("name", "content", "tool"),
    [
        (
            "a.json",
            '{"version": "5.0", "shapes": [{"label": "room"}], "imagePath": "a.png"}',
            "a.json is LabelMe's own",
        ),
        ("a.xml", "<annotation><folder>x</folder><filename>a.png</filename></annotation>", "is Pascal VOC's XML"),
        (
            "annotations.xml",
            '<?xml version="1.0"?><annotations><version>1.1</version><meta/></annotations>',
            "is CVAT's",
        ),
        ("export.json", '[{"id": 1, "annotations": [{"result": [{"from_name": "label"}]}]}]', "is Label Studio's own"),
        ("min.json", '[{"image": "a.png", "label": [{"x": 1, "rectanglelabels": ["room"]}]}]', "Label Studio's own"),
        ("via.json", '{"_via_settings": {}, "_via_img_metadata": {}}', "is VIA's own JSON"),
        ("via.csv", "filename,file_size,file_attributes,region_count,region_shape_attributes", "is VIA's own CSV"),
        (
            "r.json",
            '[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]',
            "a list of COCO's results",
        ),
        (
            "annotations/default.json",
            '{"dm_format_version": "1.0", "categories": {"label": {}}, "items": [{"id": "a", "annotations": []}]}',
            "default.json is Datumaro's own JSON",
        ),
        (
            "ds0/ann/a.png.json",
            '{"tags": [], "size": {"height": 80, "width": 100}, "objects": [{"geometryType": "rectangle"}]}',
            "a.png.json is Supervisely's own JSON",
        ),
        (
            "annotations/a.json",
            '{"version": "2.0", "item": {"name": "a.png", "slots": []}, "annotations": [{"slot_names": ["0"]}]}',
            "a.json is V7 Darwin's own JSON",
        ),
        ("plans.ndjson", '{"type": "dataset", "task": "detect"}\n{"type": "image"}', "is Ultralytics' NDJSON"),
        ("_annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax", "is TensorFlow's CSV"),
        (
            "train/_annotations.txt",
            "a 1.png 10,20,30,40,0 1,2,3,4,1\nb.png 1,2,3,4,1\n",
            "is a list of boxes for YOLOv4",
        ),
        ("plans.tfrecord", "\0", "is TensorFlow's TFRecord"),
        ("export.ZIP", "PK", "export.ZIP is an archive"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_the_way_to_one_that_is(
    tmp_path: Path, said: Callable[..., tuple[int, str]], name: str, content: str, tool: str
) -> None:
    out = Export(tmp_path / "source")
    out.picture("a.png")
    out.text(name, content)
    status, text = said()
    assert status == 2
    assert tool in text
    assert "which is not read: " in text


def test_the_archive_that_an_export_came_in_is_not_named_instead_of_it(
    tmp_path: Path, said: Callable[..., tuple[int, str]]
) -> None:
    out = Export(tmp_path / "source")
    out.text("export.zip", "PK")
    out.text("inner/a.xml", "<annotation><folder>x</folder></annotation>")
    assert "a.xml is Pascal VOC's XML" in said()[1]


def test_another_format_that_is_given_as_coco_is_named(tmp_path: Path, said: Callable[..., tuple[int, str]]) -> None:
    out = Export(tmp_path / "source")
    out.picture("a.png")
    out.text("a.json", '[{"id": 1, "annotations": [{"result": [{"from_name": "label"}]}]}]')
    status, text = said("--annotations", str(tmp_path / "source/a.json"))
    assert status == 1
    assert "a.json is Label Studio's own JSON, which is not read: in Label Studio, export" in text


def test_rows_of_dota_are_named(tmp_path: Path, said: Callable[..., tuple[int, str]]) -> None:
    ultralytics(Export(tmp_path / "source"))
    (tmp_path / "source/labels").rename(tmp_path / "source/labelTxt")
    status, text = said()
    assert status == 1
    assert "labelTxt/train/train0.txt is of another format, that of DOTA's oriented boxes, which is not read." in text
