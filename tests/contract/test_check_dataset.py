"""What check_dataset says about a whole data set in a directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_contract.check import check_dataset
from dataset_contract.findings import Report, Severity
from dataset_contract.layout import MANIFEST
from dataset_contract.stores import DirectoryStore
from tests.contract.samples import HEIGHT, WIDTH, SampleDataset, box, chunk, png

TRAIN_1 = "train/images/000001.png"


def check(sample: SampleDataset, root: Path) -> Report:
    return check_dataset(DirectoryStore(sample.write(root)))


def codes(report: Report) -> dict[str, str]:
    """code -> severity."""
    return {finding.code: finding.severity.value for finding in report.findings}


def test_a_sound_data_set_has_no_finding_and_is_counted(tmp_path: Path) -> None:
    report = check(SampleDataset(), tmp_path)
    assert report.findings == []
    assert report.verdict == "valid"
    assert (report.counts["images"], report.counts["annotations"], report.counts["files"]) == (8, 16, 11)
    assert report.counts["splits"]["val"] == {
        "images": 2,
        "annotations": 4,
        "background_images": 0,
        "annotations_by_class": {"wall": 2, "room": 2},
    }
    assert report.counts["bytes"] == sum(p.stat().st_size for p in tmp_path.rglob("*.*") if p.name != MANIFEST)


def test_the_report_as_json_has_the_agreed_keys(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.coco["train"]["annotations"][0]["bbox"] = [10, 10, 0, 5]
    report = json.loads(json.dumps(check(sample, tmp_path).to_json()))
    assert report["verdict"] == "invalid"
    assert report["counts"]["findings"] == {"error": 1, "warning": 1, "info": 0}
    finding = report["findings"][0]
    assert list(finding) == ["code", "severity", "split", "file", "image_id", "annotation_id", "message", "fix"]
    assert (finding["code"], finding["split"], finding["file"]) == ("BOX_EMPTY", "train", "train/annotations.json")
    assert (finding["image_id"], finding["annotation_id"]) == (1, 2)


def test_the_ids_of_classes_go_up_to_a_thousand(tmp_path: Path) -> None:
    sample = SampleDataset()
    for coco in sample.coco.values():
        coco["categories"] += [{"id": 3, "name": "kitchen"}, {"id": 1000, "name": "bedroom"}]
        coco["annotations"][0]["category_id"] = 1000
        coco["annotations"][2]["category_id"] = 3
    sample.stated = sample.coco
    assert check(sample, tmp_path / "largest").findings == []
    for coco in sample.coco.values():
        coco["categories"][3]["id"] = coco["annotations"][0]["category_id"] = 1001
    assert codes(check(sample, tmp_path / "larger")) == {"CATEGORY_ID_TOO_LARGE": "error"}


@pytest.mark.parametrize("root", ["empty", "absent"])
def test_nothing_there_is_one_clear_error(tmp_path: Path, root: str) -> None:
    (tmp_path / "empty").mkdir()
    report = check_dataset(DirectoryStore(tmp_path / root))
    assert codes(report) == {"MANIFEST_MISSING": "error"}
    assert str(tmp_path / root) in report.findings[0].message
    assert "the upload has not finished" in report.findings[0].message
    assert "dataset_prep/run.py" in report.findings[0].fix


def train_annotations(sample: SampleDataset) -> Any:
    return sample.coco["train"]["annotations"]


def train_images(sample: SampleDataset) -> Any:
    return sample.coco["train"]["images"]


DEFECTS: dict[str, tuple[Callable[[SampleDataset], object], str, str]] = {
    # JSON
    "annotations empty": (lambda s: s.files.update({"val/annotations.json": b""}), "JSON_EMPTY", "error"),
    "annotations null": (lambda s: s.coco.update(val=None), "JSON_NOT_AN_OBJECT", "error"),
    "section missing": (lambda s: s.coco["val"].pop("images"), "SECTION_MISSING", "error"),
    "section null": (lambda s: s.coco["val"].update(annotations=None), "SECTION_MISSING", "error"),
    # References and types (test_coco has them all)
    "image unknown": (lambda s: train_annotations(s)[0].update(image_id=999), "IMAGE_ID_UNKNOWN", "error"),
    "NaN box": (lambda s: train_annotations(s)[0]["bbox"].__setitem__(0, float("nan")), "JSON_NOT_A_NUMBER", "error"),
    # Boxes
    "box of no width": (lambda s: train_annotations(s)[0].update(bbox=[1, 1, 0, 5], area=0), "BOX_EMPTY", "error"),
    "box outside": (
        lambda s: train_annotations(s)[0].update(bbox=[500, 10, 20, 20], area=400),
        "BOX_OUTSIDE_IMAGE",
        "error",
    ),
    "same box twice": (
        lambda s: train_annotations(s).append(train_annotations(s)[0] | {"id": 900}),
        "DUPLICATE_BOX",
        "warning",
    ),
    # File names
    "path leaves root": (
        lambda s: train_images(s)[0].update(file_name="../../etc/passwd"),
        "FILE_NAME_REFUSED",
        "error",
    ),
    "absolute path": (lambda s: train_images(s)[0].update(file_name="/etc/passwd"), "FILE_NAME_REFUSED", "error"),
    "URL": (lambda s: train_images(s)[0].update(file_name="https://a.b/c.png"), "FILE_NAME_REFUSED", "error"),
    "drive": (lambda s: train_images(s)[0].update(file_name="C:/a.png"), "FILE_NAME_REFUSED", "error"),
    "backslash": (lambda s: train_images(s)[0].update(file_name="images\\000001.png"), "FILE_NAME_REFUSED", "error"),
    "escape": (lambda s: train_images(s)[0].update(file_name="images/%2e%2e/1.png"), "FILE_NAME_REFUSED", "error"),
    "name twice": (lambda s: train_images(s)[0].update(file_name="images/000002.png"), "FILE_NAME_TWICE", "error"),
    "name twice but for case": (
        lambda s: train_images(s)[0].update(file_name="images/000002.PNG"),
        "FILE_NAME_TWICE",
        "error",
    ),
    "name of another file": (
        lambda s: train_images(s)[0].update(file_name="images/x.png"),
        "IMAGE_NOT_LISTED",
        "error",
    ),
    # Image files
    "image empty": (lambda s: s.files.update({TRAIN_1: b""}), "IMAGE_EMPTY", "error"),
    "JPEG called PNG": (lambda s: s.files.update({TRAIN_1: b"\xff\xd8\xff\xe0" + bytes(99)}), "IMAGE_NOT_PNG", "error"),
    "image truncated": (lambda s: s.files.update({TRAIN_1: png()[:-20]}), "IMAGE_DAMAGED", "error"),
    "palette": (lambda s: s.files.update({TRAIN_1: png(color_type=3)}), "IMAGE_MODE", "error"),
    "alpha": (lambda s: s.files.update({TRAIN_1: png(color_type=6)}), "IMAGE_MODE", "error"),
    "16 bit": (lambda s: s.files.update({TRAIN_1: png(bit_depth=16)}), "IMAGE_MODE", "error"),
    "1 bit": (lambda s: s.files.update({TRAIN_1: png(bit_depth=1)}), "IMAGE_MODE", "error"),
    "transparent colour": (
        lambda s: s.files.update({TRAIN_1: png(before_pixels=chunk(b"tRNS", b"\0\0"))}),
        "IMAGE_MODE",
        "error",
    ),
    "another size": (lambda s: s.files.update({TRAIN_1: png(WIDTH + 1)}), "IMAGE_SIZE_DIFFERS", "error"),
    "gigantic": (lambda s: s.files.update({TRAIN_1: png(60_000, 60_000)}), "IMAGE_TOO_LARGE", "error"),
    "unused image": (lambda s: s.files.update({"train/images/000099.png": png()}), "FILE_UNUSED", "warning"),
    # Splits
    "split missing": (lambda s: s.coco.pop("test"), "SPLIT_MISSING", "error"),
    "image in two splits": (lambda s: s.coco["val"]["images"][0].update(id=1), "IMAGE_IN_TWO_SPLITS", "error"),
    "same annotation id": (
        lambda s: s.coco["val"]["annotations"][0].update(id=2),
        "ANNOTATION_ID_IN_TWO_SPLITS",
        "warning",
    ),
    "other classes": (lambda s: s.coco["val"]["categories"][0].update(name="door"), "CLASSES_DIFFER", "error"),
    "classes swapped": (
        lambda s: s.coco["val"].update(categories=[{"id": 1, "name": "room"}, {"id": 2, "name": "wall"}]),
        "CLASSES_DIFFER",
        "error",
    ),
    "leak": (lambda s: s.files.update({"val/images/000005.png": s.files[TRAIN_1]}), "LEAKAGE_HEAVY", "error"),
    "duplicate in split": (
        lambda s: s.files.update({"train/images/000002.png": s.files[TRAIN_1]}),
        "DUPLICATE_IMAGE",
        "warning",
    ),
    "all identical": (lambda s: s.files.update(dict.fromkeys(s.files, png())), "ALL_IMAGES_IDENTICAL", "error"),
    "annotation added": (
        lambda s: train_annotations(s).append(box(900, 1, 2, [50, 60, 10, 10])),
        "MANIFEST_COUNTS_WRONG",
        "error",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(tmp_path: Path, defect: str) -> None:
    plant, code, severity = DEFECTS[defect]
    sample = SampleDataset()
    plant(sample)
    report = check(sample, tmp_path)
    assert codes(report).get(code) == severity
    assert report.verdict == ("invalid" if report.count(Severity.ERROR) else "valid")
    for finding in report.findings:
        assert finding.message.endswith(".") and finding.fix.endswith(".")
        assert "Traceback" not in finding.message


def test_swapped_sides_are_called_by_their_name(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.files[TRAIN_1] = png(HEIGHT, WIDTH)
    assert "swapped" in check(sample, tmp_path).findings[0].message


def test_an_empty_split_is_a_warning_and_train_without_objects_an_error(tmp_path: Path) -> None:
    sample = SampleDataset()
    for split in ("val", "test"):
        sample.files = {path: data for path, data in sample.files.items() if not path.startswith(split)}
        sample.coco[split]["images"] = sample.coco[split]["annotations"] = []
    sample.stated = sample.coco
    report = check(sample, tmp_path / "a")
    assert codes(report) == {"SPLIT_EMPTY": "warning"}
    assert report.verdict == "valid"
    sample.coco["train"]["annotations"] = []
    assert codes(check(sample, tmp_path / "b")).get("TRAIN_EMPTY") == "error"


def test_a_class_that_train_lacks_and_one_out_of_balance_are_warnings(tmp_path: Path) -> None:
    sample = SampleDataset()
    for item in train_annotations(sample):
        item["category_id"] = 2
    sample.coco["val"]["annotations"] = [box(100 + i, 5, 1, [i, 10, 20, 20]) for i in range(60)]
    sample.stated = sample.coco
    found = [(finding.code, finding.split) for finding in check(sample, tmp_path).findings]
    assert found == [("CLASS_NOT_IN_TRAIN", "train"), ("CLASS_BALANCE", "val"), ("BACKGROUND_IMAGES", "val")]


def test_a_class_of_crowds_only_is_an_error_in_train_and_a_warning_elsewhere(tmp_path: Path) -> None:
    sample = SampleDataset()
    for split in ("train", "test"):
        for item in sample.coco[split]["annotations"]:
            item["iscrowd"] = int(item["category_id"] == 2)
    sample.stated = sample.coco
    report = check(sample, tmp_path / "all")
    found = {(finding.code, finding.split): finding for finding in report.findings if finding.code != "CROWD"}
    assert {key: str(finding.severity) for key, finding in found.items()} == {
        ("CLASS_ONLY_CROWDS", "train"): "error",
        ("CLASS_NOT_MEASURED", "test"): "warning",
    }
    assert "All 4 boxes of class 'room' in train" in found["CLASS_ONLY_CROWDS", "train"].message
    assert "--crowds objects" in found["CLASS_ONLY_CROWDS", "train"].fix
    train_annotations(sample)[1]["iscrowd"] = 0  # one room that can be learnt
    assert check(sample, tmp_path / "all but one").verdict == "valid"


def test_a_name_that_is_not_the_ids_is_a_warning(tmp_path: Path) -> None:
    sample = SampleDataset()
    train_images(sample)[0]["file_name"] = "images/plan.png"
    sample.files["train/images/plan.png"] = sample.files.pop(TRAIN_1)
    sample.stated = sample.coco
    assert codes(check(sample, tmp_path)) == {"FILE_NAME_UNUSUAL": "warning"}


def test_splits_that_number_their_classes_differently_are_an_error(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.coco["val"]["categories"] = [{"id": 3, "name": "wall"}, {"id": 4, "name": "room"}]
    for item in sample.coco["val"]["annotations"]:
        item["category_id"] += 2
    assert codes(check(sample, tmp_path)) == {"CLASSES_DIFFER": "error"}


def test_one_wrong_box_is_one_finding(tmp_path: Path) -> None:
    sample = SampleDataset()
    train_annotations(sample)[0]["bbox"] = None
    assert codes(check(sample, tmp_path)) == {"BOX_INVALID": "error"}


def test_a_single_image_is_not_identical_with_itself(tmp_path: Path) -> None:
    sample = SampleDataset()
    for split in sample.coco:
        images, boxes = sample.coco[split]["images"], sample.coco[split]["annotations"]
        sample.coco[split] |= {"images": images[: split == "train"], "annotations": boxes[: 2 * (split == "train")]}
    sample.files = {TRAIN_1: sample.files[TRAIN_1]}
    sample.stated = sample.coco
    assert codes(check(sample, tmp_path)) == {"SPLIT_EMPTY": "warning"}


def test_images_without_boxes_are_background_and_counted(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.coco["train"]["annotations"] = sample.coco["train"]["annotations"][:4]
    sample.stated = sample.coco
    report = check(sample, tmp_path)
    assert codes(report) == {"BACKGROUND_IMAGES": "info"}
    assert report.counts["splits"]["train"]["background_images"] == 2


def test_more_objects_than_queries_are_a_warning(tmp_path: Path) -> None:
    store = DirectoryStore(SampleDataset().write(tmp_path))
    assert codes(check_dataset(store, max_objects_per_image=2)) == {}
    assert codes(check_dataset(store, max_objects_per_image=1)) == {"TOO_MANY_OBJECTS": "warning"}


def test_files_that_do_not_fit_the_manifest_are_found(tmp_path: Path) -> None:
    SampleDataset().write(tmp_path)
    folder = tmp_path / "train" / "images"
    (folder / "000001.png").unlink()
    (folder / "000002.png").rename(folder / "000002.PNG")
    (folder / "000003.png").write_bytes(png(shade=200))
    (folder / "000004.png").write_bytes(png(shade=4) + b"!")
    (tmp_path / "notes.txt").write_text("mine")
    report = check_dataset(DirectoryStore(tmp_path))
    by_file = {finding.file: finding for finding in report.findings if finding.code.startswith("FILE_")}
    assert by_file[TRAIN_1].code == "FILE_MISSING"
    assert "000002.PNG" in by_file["train/images/000002.png"].message
    assert by_file["train/images/000003.png"].code == "FILE_HASH_DIFFERS"
    assert {"FILE_SIZE_DIFFERS", "FILE_HASH_DIFFERS"} <= {
        finding.code for finding in report.findings if finding.file == "train/images/000004.png"
    }
    assert by_file["notes.txt"].severity is Severity.WARNING


def test_a_name_that_differs_in_case_only_from_a_listed_one_is_an_error(tmp_path: Path) -> None:
    SampleDataset().write(tmp_path)
    twin = tmp_path / "train" / "images" / "000001.PNG"
    if twin.exists():
        pytest.skip("this file system ignores case")
    twin.write_bytes(png())
    assert codes(check_dataset(DirectoryStore(tmp_path))) == {"FILE_CASE_COLLISION": "error"}


def test_a_few_leaked_pictures_are_warnings_many_an_error(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.coco["val"]["images"] = [
        {"id": 100 + i, "file_name": f"images/{100 + i:06d}.png", "width": 10, "height": 10 + i} for i in range(40)
    ]
    sample.coco["val"]["annotations"] = []
    sample.files = {path: data for path, data in sample.files.items() if not path.startswith("val")}
    for i in range(40):
        sample.files[f"val/images/{100 + i:06d}.png"] = png(10, 10 + i)
    sample.coco["val"]["images"][0] |= {"width": WIDTH, "height": HEIGHT}
    sample.files["val/images/000100.png"] = sample.files[TRAIN_1]
    sample.stated = sample.coco
    report = check(sample, tmp_path)
    assert codes(report) == {"LEAKAGE": "warning", "BACKGROUND_IMAGES": "info"}
    assert report.verdict == "valid"


def test_a_flood_of_one_finding_stays_readable_and_is_counted(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.coco["train"]["annotations"] = [box(1000 + i, 1, 1, [5, 5, 0, 0]) for i in range(5000)]
    report = check(sample, tmp_path)
    assert report.count_by_code()["BOX_EMPTY"] == 5000
    assert report.count(Severity.ERROR) >= 5000
    assert report.to_json()["counts"]["findings_by_code"]["BOX_EMPTY"] == 5000
    assert len(report.findings) < 40
    assert any("4,980 more BOX_EMPTY" in finding.message for finding in report.findings)
    keys = ["code", "severity", "split", "file", "image_id", "annotation_id", "message", "fix"]
    assert all(list(finding) == keys for finding in report.to_json()["findings"])


def test_wrong_json_in_one_split_does_not_hide_what_is_wrong_with_another(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.files["val/annotations.json"] = b'{"images": ['
    train_annotations(sample)[0]["bbox"] = [1, 1, -5, 5]
    found = codes(check(sample, tmp_path))
    assert {"JSON_TRUNCATED", "BOX_EMPTY"} <= found.keys()
    assert "FILE_UNUSED" not in found
