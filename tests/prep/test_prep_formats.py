"""The format of a source is seen by what lies there, as Kaggle, Ultralytics and CubiCasa5K leave it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dataset_prep.errors import PrepError
from dataset_prep.run import main
from dataset_prep.sources.detection import detect

STALE = "/kaggle/input/cubicasa5k/cubicasa5k/cubicasa5k/high_quality_architectural"


@pytest.fixture
def kaggle(tmp_path: Path, make_image: Callable[..., Path]) -> Path:
    """CubiCasa5K's folders with images only, and the COCO file with stale paths beside them."""
    images, annotations = [], []
    for number in range(1, 11):
        make_image(f"kaggle/high_quality_architectural/{100 + number}/F1_original.png", colour=20 * number)
        images.append({"id": number, "file_name": f"{STALE}/{100 + number}/F1_original.png", "width": 40, "height": 30})
        bbox = [number, 2, 10, 5]
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": bbox, "area": 50, "iscrowd": 0})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "wall"}]}
    (tmp_path / "kaggle" / "train_coco_pt.json").write_text(json.dumps(content, indent=4))
    return tmp_path / "kaggle"


def test_a_coco_file_beside_cubicasas_images_is_what_says_where_walls_are(kaggle: Path, tmp_path: Path) -> None:
    assert detect(kaggle).format == "coco"
    assert main(["--source", str(kaggle), "--output", str(tmp_path / "d"), "--classes", "wall"]) == 0
    written = [json.loads(path.read_bytes()) for path in (tmp_path / "d").glob("*/annotations.json")]
    boxes = {box["image_id"]: box["bbox"] for coco in written for box in coco["annotations"]}
    assert boxes == {number: [number, 2, 10, 5] for number in range(1, 11)}


def test_files_of_other_programs_do_not_keep_a_source_from_being_seen(kaggle: Path) -> None:
    (kaggle / "stack.yaml").write_text("a: !Ref b\n\tc: [")
    (kaggle / "weights.data").write_bytes(bytes(range(256)))
    assert detect(kaggle).format == "coco"
    (kaggle / "train_coco_pt.json").unlink()
    (kaggle / "high_quality_architectural").rename(kaggle / "images")
    (kaggle / "classes.txt").write_text("wall\n")
    with pytest.raises(PrepError, match=r"stack\.yaml is not a YAML file .* move it away if it is not the data set's"):
        detect(kaggle)
    (kaggle / "stack.yaml").unlink()
    assert str(detect(kaggle)) == "taken for YOLO, since it holds classes.txt"


def test_with_one_model_svg_it_is_cubicasa5k(kaggle: Path) -> None:
    (kaggle / "high_quality_architectural" / "105" / "model.svg").write_text("<svg/>")
    assert detect(kaggle).format == "cubicasa5k"


def test_images_in_cubicasas_folders_without_any_annotation_are_told_what_is_missing(
    kaggle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kaggle / "train_coco_pt.json").unlink()
    assert main(["--source", str(kaggle), "--output", str(tmp_path / "d")]) == 1
    assert "has no model.svg" in capsys.readouterr().err


@pytest.mark.parametrize("data", ["[]", "null", "3", "{}", '"x"'])
def test_json_that_is_no_coco_is_refused_with_the_reason(
    kaggle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str
) -> None:
    (kaggle / "train_coco_pt.json").write_text(data)
    assert main(["--source", str(kaggle), "--format", "coco", "--output", str(tmp_path / "d")]) == 1
    error = capsys.readouterr().err
    assert "train_coco_pt.json" in error.partition("the first problem: ")[2]
