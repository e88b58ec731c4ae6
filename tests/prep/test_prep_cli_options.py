"""Each option of the command line changes the data set as it says, and what it left out or repaired is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dataset_prep.run import main


def coco_file(tmp_path: Path, make_image: Callable[..., Path], *boxes: list[float]) -> Path:
    """A COCO file beside its one image, 40 x 30 pixels."""
    make_image("a.png")
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for i, box in enumerate(boxes, start=1)
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "wall"}],
    }
    (tmp_path / "plans.json").write_text(json.dumps(content))
    return tmp_path / "plans.json"


def test_a_coco_file_works_beside_the_folder_that_is_written(
    tmp_path: Path, make_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a second run does not take what the first one wrote for the source's images."""
    file = coco_file(tmp_path, make_image, [1, 1, 9, 9])
    file.write_text(file.read_text().replace("a.png", "000001.png"))
    (tmp_path / "a.png").rename(tmp_path / "000001.png")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["--source", "plans.json", "--split", "1,0,0"]) == 0
        assert Path("build/dataset/train/images/000001.png").is_file()


def test_boxes_are_repaired_and_counted_only_where_it_is_asked_for(
    tmp_path: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    file = coco_file(tmp_path, make_image, [1, 1, 9, 9], [30, 5, 15, 5], [5, 5, 0, 5], [5, 6, 0, 5])
    arguments = ["--source", str(file), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main(arguments) == 1
    refused = capsys.readouterr().out
    assert "BOX_EMPTY (2 times)" in refused
    assert "BOX_OUTSIDE_IMAGE" in refused
    assert refused.strip().splitlines()[-1].startswith("Refused: 3 errors.")
    assert main([*arguments, "--drop-zero-size"]) == 1
    assert "Refused: 1 error. " in capsys.readouterr().out
    assert main([*arguments, "--drop-zero-size", "--clip", "--report", str(tmp_path / "r")]) == 0
    counts = json.loads((tmp_path / "r/report.json").read_bytes())["counts"]
    assert counts["findings_by_code"]["BOX_CLIPPED"] == 1
    assert counts["findings_by_code"]["BOX_DROPPED"] == 2
    boxes = json.loads((tmp_path / "d/train/annotations.json").read_bytes())["annotations"]
    assert [box["bbox"] for box in boxes] == [[1, 1, 9, 9], [30, 5, 10, 5]]
    options = json.loads((tmp_path / "d/manifest.json").read_bytes())["options"]
    assert (options["clip"], options["drop_zero_size"], options["drop_mismatched"]) == (True, True, False)


def test_crowds_are_objects_where_it_is_asked_for(
    tmp_path: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """As CVAT exports masks: each a crowd."""
    file = coco_file(tmp_path, make_image, [1, 1, 9, 9], [20, 5, 15, 5])
    file.write_text(file.read_text().replace('"iscrowd": 0', '"iscrowd": 1'))
    arguments = ["--source", str(file), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    for given in ([], ["--dry-run"], ["--crowds", "ignore"]):
        assert main([*arguments, *given]) == 1
        refused = capsys.readouterr().out
        assert "CLASS_ONLY_CROWDS" in refused and "--crowds objects" in refused
    assert main([*arguments, "--crowds", "objects", "--report", str(tmp_path / "r")]) == 0
    assert "2 boxes that are marked as crowds (iscrowd 1) were taken as objects." in capsys.readouterr().out
    assert "CROWD" not in json.loads((tmp_path / "r/report.json").read_bytes())["counts"]["findings_by_code"]
    boxes = json.loads((tmp_path / "d/train/annotations.json").read_bytes())["annotations"]
    assert [box["iscrowd"] for box in boxes] == [0, 0]
    assert json.loads((tmp_path / "d/manifest.json").read_bytes())["options"]["crowds"] == "objects"


def test_yolo_rows_are_repaired_where_it_is_asked_for(
    tmp_path: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("yolo/images/a.png")
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 0.5 0.5 0 0.5\n0 0.5 0.5 1.1 0.5\n0 0.8 0.5 0.5 0.5\n")
    (tmp_path / "yolo/classes.txt").write_text("wall")
    arguments = ["--source", str(tmp_path / "yolo"), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main(arguments) == 1
    shown = capsys.readouterr().out
    assert "line 1, is a box without area" in shown
    assert "line 2, has the coordinate 1.1 outside of 0 to 1" in shown
    assert main([*arguments, "--clip", "--drop-zero-size"]) == 0
    shown = capsys.readouterr().out
    assert "info: BOX_DROPPED" in shown
    assert "info: BOX_CLIPPED (2 times)" in shown
    boxes = json.loads((tmp_path / "d/train/annotations.json").read_bytes())["annotations"]
    assert [box["bbox"] for box in boxes] == [[0, 7.5, 40, 15], [22, 7.5, 18, 15]]


def test_plans_whose_annotation_does_not_fit_are_named_and_can_be_left_out(
    plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = sorted(plans.rglob("F1_original.png"))[2]
    Image.new("RGB", Image.open(wrong).size, "white").save(wrong)
    arguments = ["--source", str(plans), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    for more, images in (([], 9), (["--drop-mismatched"], 8)):
        assert main([*arguments, *more]) == 0
        assert "0% of its walls' sides lie on lines of F1_original.png" in capsys.readouterr().out
        assert json.loads((tmp_path / "d/manifest.json").read_bytes())["counts"]["images"] == images


def test_types_of_rooms_become_classes(samples: Path, tmp_path: Path) -> None:
    arguments = ["--source", str(samples), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main([*arguments, "--classes", "wall,Bedroom,bath,room"]) == 0
    content = json.loads((tmp_path / "d/train/annotations.json").read_bytes())
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert list(names.values()) == ["wall", "bedroom", "bath", "room"]
    types = {(names[box["category_id"]], box.get("attributes", {}).get("room_type")) for box in content["annotations"]}
    assert {("wall", None), ("bedroom", "Bedroom"), ("bath", "Bath"), ("room", "Kitchen")} <= types
    assert not {("room", "Bedroom"), ("room", "Bath")} & types


def test_empty_images_are_kept_unless_they_are_to_be_dropped(
    tmp_path: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("yolo/images/a.png", colour=1)
    make_image("yolo/images/b.png", colour=2)
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "yolo/classes.txt").write_text("wall")
    arguments = ["--source", str(tmp_path / "yolo"), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    for more, images in (([], 2), (["--keep-empty"], 2), (["--drop-empty"], 1)):
        assert main([*arguments, *more]) == 0
        manifest = json.loads((tmp_path / "d/manifest.json").read_bytes())
        assert manifest["counts"]["images"] == images
    assert "1 image without boxes is left out" in capsys.readouterr().out


def test_an_empty_split_is_a_warning(samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", str(samples), "--output", str(tmp_path / "d"), "--split", "1,0,0"]) == 0
    assert "warning: SPLIT_EMPTY (2 times)" in capsys.readouterr().out


def test_a_folder_of_the_bucket_that_training_does_not_read_is_warned_about(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", str(samples), "--output", str(tmp_path / "d"), "--dry-run", "--bucket", "plans"]
    for prefix, warned in (("mine", True), ("dino-data-2", False), ("dino-data/", False)):
        assert main([*arguments, "--prefix", prefix]) == 0
        assert ("PREFIX_NOT_TRAINED_ON" in capsys.readouterr().out) == warned


def test_the_official_split_is_the_lists(samples: Path, tmp_path: Path) -> None:
    assert main(["--source", str(samples), "--output", str(tmp_path), "--split", "official"]) == 0
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    assert {split: counts["images"] for split, counts in manifest["counts"]["splits"].items()} == {
        split: len((samples / f"{split}.txt").read_text().split("\n")) for split in ("train", "val", "test")
    }
