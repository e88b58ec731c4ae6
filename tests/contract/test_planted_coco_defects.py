"""Every planted defect of a COCO data set is found by its own check, at its own place, at home and in a source."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_contract.check import check_dataset
from dataset_contract.findings import Finding, Report, printable
from dataset_contract.layout import MANIFEST
from dataset_contract.stores import DirectoryStore
from tests.contract.samples import HEIGHT, WIDTH, SampleDataset, box, chunk, png

TRAIN = "train/annotations.json"
TRAIN_1 = "train/images/000001.png"
Plant = Callable[[SampleDataset], object]


def content(sample: SampleDataset, split: str = "train") -> bytes:
    return json.dumps(sample.coco[split]).encode()


def raw(change: Callable[[bytes], bytes]) -> Plant:
    """A defect in the bytes of train's annotations."""
    return lambda sample: sample.files.update({TRAIN: change(content(sample))})


def annotation(**change: Any) -> Plant:
    """A defect of annotation 4, on image 2."""
    return lambda sample: sample.coco["train"]["annotations"][2].update(change)


def bbox(*numbers: Any) -> Plant:
    return annotation(bbox=list(numbers), area=abs(numbers[2] * numbers[3]))


def image(**change: Any) -> Plant:
    """A defect of image 1."""
    return lambda sample: sample.coco["train"]["images"][0].update(change)


def file(data: bytes) -> Plant:
    """Another content of image 1's file."""
    return lambda sample: sample.files.update({TRAIN_1: data})


def many(*boxes: list[float], category: int = 1) -> Plant:
    """Further boxes on image 2; what the manifest counts is counted anew."""

    def plant(sample: SampleDataset) -> None:
        sample.coco["train"]["annotations"] += [box(500 + i, 2, category, list(item)) for i, item in enumerate(boxes)]
        sample.stated = sample.coco

    return plant


def swapped_classes(sample: SampleDataset) -> None:
    walls = [box(500 + i, 2, 2, [5 + i, 5, 3, 40 + i]) for i in range(25)]
    rooms = [box(600 + i, 3, 1, [5 + i, 5 + i, 40, 45]) for i in range(25)]
    sample.coco["train"]["annotations"] += walls + rooms
    sample.stated = sample.coco


def same_boxes(sample: SampleDataset) -> None:
    for image_id in (2, 3):
        boxes = [box(500 + 10 * image_id + i, image_id, 1, [9 * i, 60, 8, 5 + i]) for i in range(5)]
        sample.coco["train"]["annotations"] += boxes
    sample.stated = sample.coco


def corners(sample: SampleDataset) -> None:
    boxes = [box(i, 1 + i % 4, 1 + i % 2, [i, i, i + 9, i + 5]) for i in range(30)]
    sample.coco["train"]["annotations"] = boxes
    sample.stated = sample.coco


def larger_category(sample: SampleDataset) -> None:
    for coco in sample.coco.values():
        coco["categories"][1]["id"] = 10_000
        for item in coco["annotations"]:
            item["category_id"] = 10_000 if item["category_id"] == 2 else 1
    sample.stated = sample.coco


def empty_split(*splits: str) -> Plant:
    def plant(sample: SampleDataset) -> None:
        for split in splits:
            sample.coco[split] |= {"images": [], "annotations": []}
            sample.files = {path: data for path, data in sample.files.items() if not path.startswith(split)}
        sample.stated = sample.coco

    return plant


# name -> (plant, code, severity, the file, the image and the annotation that the finding names)
DEFECTS: dict[str, tuple[Plant, str, str, str | None, int | None, int | None]] = {
    # JSON
    "empty file": (raw(lambda d: b""), "JSON_EMPTY", "error", TRAIN, None, None),
    "blank file": (raw(lambda d: b"  \n"), "JSON_EMPTY", "error", TRAIN, None, None),
    "truncated": (raw(lambda d: d[:-30]), "JSON_TRUNCATED", "error", TRAIN, None, None),
    "byte order mark": (raw(lambda d: b"\xef\xbb\xbf" + d), "JSON_BOM", "error", TRAIN, None, None),
    "bad UTF-8": (raw(lambda d: d.replace(b"wall", b"w\xfcll")), "JSON_ENCODING", "error", TRAIN, None, None),
    "UTF-16": (raw(lambda d: d.decode().encode("utf-16")), "JSON_ENCODING", "error", TRAIN, None, None),
    "lone surrogate": (
        raw(lambda d: d.replace(b"images/000001", b"images/\\ud800")),
        "JSON_LONE_SURROGATE",
        "error",
        TRAIN,
        None,
        None,
    ),
    "NaN": (raw(lambda d: d.replace(b"60.25", b"NaN", 1)), "JSON_NOT_A_NUMBER", "error", TRAIN, None, None),
    "Infinity": (raw(lambda d: d.replace(b"60.25", b"-Infinity", 1)), "JSON_NOT_A_NUMBER", "error", TRAIN, None, None),
    "1e999": (raw(lambda d: d.replace(b"60.25", b"1e999", 1)), "BOX_INVALID", "error", TRAIN, None, 2),
    "duplicate key": (
        raw(lambda d: d.replace(b'"area"', b'"id": 7, "area"', 1)),
        "JSON_DUPLICATE_KEY",
        "error",
        TRAIN,
        None,
        None,
    ),
    "duplicate section": (raw(lambda d: d[:-1] + b', "images": []}'), "JSON_DUPLICATE_KEY", "error", TRAIN, None, None),
    "trailing data": (raw(lambda d: d + d), "JSON_TRAILING_DATA", "error", TRAIN, None, None),
    "trailing zero bytes": (raw(lambda d: d + bytes(9)), "JSON_TRAILING_DATA", "error", TRAIN, None, None),
    "trailing comma": (raw(lambda d: d[:-1] + b",}"), "JSON_SYNTAX", "error", TRAIN, None, None),
    "deep nesting": (
        raw(lambda d: b'{"info": ' + b"[" * 100_000 + b"]" * 100_000 + b", " + d[1:]),
        "JSON_TOO_DEEP",
        "error",
        TRAIN,
        None,
        None,
    ),
    "endless integer": (
        raw(lambda d: d.replace(b"60.25", b"9" * 5000, 1)),
        "JSON_NUMBER_TOO_LONG",
        "error",
        TRAIN,
        None,
        None,
    ),
    "top level a list": (raw(lambda d: b"[" + d + b"]"), "JSON_NOT_AN_OBJECT", "error", TRAIN, None, None),
    "top level null": (raw(lambda d: b"null"), "JSON_NOT_AN_OBJECT", "error", TRAIN, None, None),
    "section missing": (lambda s: s.coco["train"].pop("categories"), "SECTION_MISSING", "error", TRAIN, None, None),
    "section null": (lambda s: s.coco["train"].update(images=None), "SECTION_MISSING", "error", TRAIN, None, None),
    "section an object": (
        lambda s: s.coco["train"].update(annotations={}),
        "SECTION_MISSING",
        "error",
        TRAIN,
        None,
        None,
    ),
    "entry null": (lambda s: s.coco["train"]["images"].append(None), "ENTRY_NOT_AN_OBJECT", "error", TRAIN, None, None),
    # ids
    "id true": (annotation(id=True), "ID_INVALID", "error", TRAIN, None, None),
    "id a float": (annotation(id=4.0), "ID_INVALID", "error", TRAIN, None, None),
    "id a text": (annotation(id="4"), "ID_INVALID", "error", TRAIN, None, None),
    "id negative": (image(id=-1), "ID_INVALID", "error", TRAIN, None, None),
    "id 2^53": (annotation(id=2**53), "ID_INVALID", "error", TRAIN, None, None),
    "annotation id twice": (annotation(id=2), "ID_DUPLICATE", "error", TRAIN, None, None),
    "image id twice": (image(id=2), "ID_DUPLICATE", "error", TRAIN, None, None),
    "category id twice": (
        lambda s: s.coco["train"]["categories"][0].update(id=2),
        "ID_DUPLICATE",
        "error",
        TRAIN,
        None,
        None,
    ),
    "image unknown": (annotation(image_id=99), "IMAGE_ID_UNKNOWN", "error", TRAIN, 99, 4),
    "image of another split": (annotation(image_id=5), "IMAGE_ID_UNKNOWN", "error", TRAIN, 5, 4),
    "image id a text": (annotation(image_id="2"), "IMAGE_ID_UNKNOWN", "error", TRAIN, None, 4),
    "category unknown": (annotation(category_id=3), "CATEGORY_ID_UNKNOWN", "error", TRAIN, None, 4),
    "category null": (annotation(category_id=None), "CATEGORY_ID_UNKNOWN", "error", TRAIN, None, 4),
    "category name twice": (
        lambda s: s.coco["train"]["categories"][0].update(name=" Room"),
        "CATEGORY_NAME_DUPLICATE",
        "error",
        TRAIN,
        None,
        None,
    ),
    "category name empty": (
        lambda s: s.coco["train"]["categories"][0].update(name=" "),
        "CATEGORY_NAME_INVALID",
        "error",
        TRAIN,
        None,
        None,
    ),
    "no categories": (lambda s: s.coco["train"].update(categories=[]), "NO_CATEGORIES", "error", TRAIN, None, None),
    "category id too large for the model": (larger_category, "CATEGORY_ID_TOO_LARGE", "error", TRAIN, None, None),
    # annotations
    "three numbers": (annotation(bbox=[1, 2, 3]), "BOX_INVALID", "error", TRAIN, None, 4),
    "numbers as texts": (annotation(bbox=["1", "2", "3", "4"]), "BOX_INVALID", "error", TRAIN, None, 4),
    "no box": (lambda s: s.coco["train"]["annotations"][2].pop("bbox"), "BOX_INVALID", "error", TRAIN, None, 4),
    "truth value in box": (annotation(bbox=[True, 2, 3, 4]), "BOX_INVALID", "error", TRAIN, None, 4),
    "no width": (bbox(10, 10, 0, 20), "BOX_EMPTY", "error", TRAIN, 2, 4),
    "negative height": (bbox(10, 10, 20, -5), "BOX_EMPTY", "error", TRAIN, 2, 4),
    "outside": (bbox(500, 10, 20, 20), "BOX_OUTSIDE_IMAGE", "error", TRAIN, 2, 4),
    "partly outside": (bbox(100, 10, 40, 10), "BOX_OUTSIDE_IMAGE", "error", TRAIN, 2, 4),
    "negative corner": (bbox(-20, 10, 40, 20), "BOX_OUTSIDE_IMAGE", "error", TRAIN, 2, 4),
    "slightly over the edge": (bbox(-0.9, 10, 40, 20), "BOX_OVER_EDGE", "warning", TRAIN, 2, 4),
    "corners": (bbox(80, 50, 110, 70), "BOX_LOOKS_XYXY", "error", TRAIN, 2, 4),
    "corners everywhere": (corners, "BOXES_LOOK_XYXY", "warning", TRAIN, None, None),
    "fractions": (
        lambda s: [item.update(bbox=[0.1, 0.1, 0.5, 0.5], area=0.25) for item in s.coco["train"]["annotations"]],
        "BOXES_LOOK_NORMALISED",
        "error",
        TRAIN,
        None,
        None,
    ),
    "sliver": (bbox(10, 10, 50, 0.4), "BOX_SLIVER", "warning", TRAIN, 2, 4),
    "whole image": (bbox(0, 0, WIDTH, HEIGHT), "BOX_WHOLE_IMAGE", "warning", TRAIN, 2, 4),
    "area missing": (
        lambda s: s.coco["train"]["annotations"][2].pop("area"),
        "AREA_MISSING",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "area wrong": (annotation(area=9999), "AREA_WRONG", "warning", TRAIN, None, 4),
    "area negative": (annotation(area=-241), "AREA_INVALID", "error", TRAIN, None, 4),
    "iscrowd 2": (annotation(iscrowd=2), "ISCROWD_INVALID", "error", TRAIN, None, 4),
    "iscrowd true": (annotation(iscrowd=True), "ISCROWD_INVALID", "error", TRAIN, None, 4),
    "crowd": (annotation(iscrowd=1), "CROWD", "warning", TRAIN, 2, 4),
    "polygon odd": (
        annotation(segmentation=[[1, 2, 3, 4, 5, 6, 7]]),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "polygon of two points": (
        annotation(segmentation=[[1, 2, 3, 4]]),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "polygon elsewhere": (
        annotation(segmentation=[[80, 60, 90, 60, 90, 70]]),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "mask of another size": (
        annotation(segmentation={"size": [80, 120], "counts": [5, 6]}),
        "SEGMENTATION_INVALID",
        "warning",
        TRAIN,
        None,
        4,
    ),
    "same object twice": (many([10, 10.5, 60.25, 4.01]), "DUPLICATE_BOX", "warning", TRAIN, 2, 500),
    "more objects than queries": (
        many(*([float(i), 60, 1, 9] for i in range(20))),
        "TOO_MANY_OBJECTS",
        "warning",
        TRAIN,
        2,
        None,
    ),
    "classes swapped": (swapped_classes, "CLASSES_LOOK_SWAPPED", "warning", TRAIN, None, None),
    "the same boxes on two images": (same_boxes, "SAME_BOXES_TWICE", "warning", TRAIN, 3, None),
    # file names
    "name missing": (
        lambda s: s.coco["train"]["images"][0].pop("file_name"),
        "FILE_NAME_INVALID",
        "error",
        TRAIN,
        1,
        None,
    ),
    "name a number": (image(file_name=7), "FILE_NAME_INVALID", "error", TRAIN, 1, None),
    "name with NUL": (image(file_name="images/1\0.png"), "FILE_NAME_INVALID", "error", TRAIN, 1, None),
    **{
        f"name {name!a}": (image(file_name=name), "FILE_NAME_REFUSED", "error", TRAIN, 1, None)
        for name in (
            "../val/images/000005.png",
            "images/../../x.png",
            "/etc/passwd",
            "C:\\a.png",
            "C:a.png",
            "\\\\host\\a.png",
            "https://a.b/c.png",
            "file:///etc/passwd",
            "file:/etc/passwd",
            "data:image/png;base64,AAAA",
            "images/%2e%2e/1.png",
            "images//1.png",
            "./images/000001.png",
            "~/a.png",
            "images/1\n.png",
            "images/1\u202e.png",
            "images/con.png",
            "images/a .png/ ",
            "images/a?.png",
            "a" * 600,
        )
    },
    "name twice": (image(file_name="images/000002.png"), "FILE_NAME_TWICE", "error", TRAIN, 2, None),
    "name twice but for case": (image(file_name="images/000002.PNG"), "FILE_NAME_TWICE", "error", TRAIN, 2, None),
    "name twice but for Unicode's form": (
        lambda s: [
            item.update(file_name=name)
            for item, name in zip(s.coco["train"]["images"], ("u\u0308.png", "\u00fc.png"), strict=False)
        ],
        "FILE_NAME_TWICE",
        "error",
        TRAIN,
        2,
        None,
    ),
    "name in another case than the file": (
        image(file_name="images/000001.PNG"),
        "IMAGE_NOT_LISTED",
        "error",
        "train/images/000001.PNG",
        1,
        None,
    ),
    # image sizes and files
    "width zero": (image(width=0), "IMAGE_SIZE_INVALID", "error", TRAIN, 1, None),
    "width a float": (image(width=120.0), "IMAGE_SIZE_INVALID", "error", TRAIN, 1, None),
    "height missing": (
        lambda s: s.coco["train"]["images"][0].pop("height"),
        "IMAGE_SIZE_INVALID",
        "error",
        TRAIN,
        1,
        None,
    ),
    "sides swapped": (image(width=HEIGHT, height=WIDTH), "IMAGE_SIZE_DIFFERS", "error", TRAIN_1, 1, None),
    "another variant": (file(png(2 * WIDTH, 2 * HEIGHT)), "IMAGE_SIZE_DIFFERS", "error", TRAIN_1, 1, None),
    "image empty": (file(b""), "IMAGE_EMPTY", "error", TRAIN_1, 1, None),
    "image a JPEG": (file(b"\xff\xd8\xff\xe0" + bytes(99)), "IMAGE_NOT_PNG", "error", TRAIN_1, 1, None),
    "image a web page": (file(b"<html>404</html>"), "IMAGE_NOT_PNG", "error", TRAIN_1, 1, None),
    "image a Git LFS pointer": (
        file(b"version https://git-lfs.github.com/spec/v1\n"),
        "IMAGE_NOT_PNG",
        "error",
        TRAIN_1,
        1,
        None,
    ),
    "image without its end": (file(png()[:-12]), "IMAGE_DAMAGED", "error", TRAIN_1, 1, None),
    "image with a wrong checksum": (file(png()[:-20] + b"!" + png()[-19:]), "IMAGE_DAMAGED", "error", TRAIN_1, 1, None),
    "image with a tail": (file(png() + b"<?php"), "IMAGE_DAMAGED", "error", TRAIN_1, 1, None),
    "image a bomb": (file(png(60_000, 60_000)), "IMAGE_TOO_LARGE", "error", TRAIN_1, 1, None),
    "image with a palette": (file(png(color_type=3)), "IMAGE_MODE", "error", TRAIN_1, 1, None),
    "image with alpha": (file(png(color_type=6)), "IMAGE_MODE", "error", TRAIN_1, 1, None),
    "image of 16 bits": (file(png(bit_depth=16)), "IMAGE_MODE", "error", TRAIN_1, 1, None),
    "image with a transparent colour": (
        file(png(before_pixels=chunk(b"tRNS", b"\0\0"))),
        "IMAGE_MODE",
        "error",
        TRAIN_1,
        1,
        None,
    ),
    "orphan": (
        lambda s: s.files.update({"train/images/000099.png": png(shade=99)}),
        "FILE_UNUSED",
        "warning",
        "train/images/000099.png",
        None,
        None,
    ),
    # splits
    "split missing": (lambda s: s.coco.pop("test"), "SPLIT_MISSING", "error", MANIFEST, None, None),
    "split empty": (empty_split("test"), "SPLIT_EMPTY", "warning", "test/annotations.json", None, None),
    "train empty": (empty_split("train"), "TRAIN_EMPTY", "error", TRAIN, None, None),
    "image in two splits": (
        lambda s: s.coco["val"]["images"][0].update(id=1),
        "IMAGE_IN_TWO_SPLITS",
        "error",
        "val/annotations.json",
        1,
        None,
    ),
    "classes differ": (
        lambda s: s.coco["val"]["categories"].reverse() or s.coco["val"]["categories"][0].update(name="door"),
        "CLASSES_DIFFER",
        "error",
        "val/annotations.json",
        None,
        None,
    ),
    "shares differ": (
        lambda s: s.options.update(split=[0.0, 0.0, 1.0]),
        "SPLIT_SHARE_DIFFERS",
        "warning",
        MANIFEST,
        None,
        None,
    ),
    "leak": (
        lambda s: s.files.update({"val/images/000005.png": s.files[TRAIN_1]}),
        "LEAKAGE",
        "warning",
        None,
        5,
        None,
    ),
    "duplicate": (
        lambda s: s.files.update({"train/images/000002.png": s.files[TRAIN_1]}),
        "DUPLICATE_IMAGE",
        "warning",
        None,
        2,
        None,
    ),
    "all images identical": (
        lambda s: s.files.update(dict.fromkeys(s.files, png())),
        "ALL_IMAGES_IDENTICAL",
        "error",
        None,
        None,
        None,
    ),
}


def check(root: Path) -> Report:
    return check_dataset(DirectoryStore(root), max_objects_per_image=15)


def is_sentence(text: str) -> bool:
    return text.endswith(".") and text == printable(text) and "Traceback" not in text and "\n" not in text


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found_where_it_is(tmp_path: Path, defect: str) -> None:
    plant, code, severity, path, image_id, annotation_id = DEFECTS[defect]
    sample = SampleDataset()
    plant(sample)
    report = check(sample.write(tmp_path))
    found = [finding for finding in report.findings if finding.code == code]
    assert found, [finding.code for finding in report.findings]
    assert {finding.severity.value for finding in found} == {severity}
    assert any(
        (path is None or finding.file == path)
        and finding.image_id == image_id
        and finding.annotation_id == annotation_id
        for finding in found
    ), found
    assert report.verdict == ("invalid" if severity == "error" else report.verdict)
    assert all(is_sentence(finding.message) and is_sentence(finding.fix) for finding in report.findings)


def test_more_defects_than_the_facts_name_are_tried() -> None:
    assert len(DEFECTS) >= 50


def replace(path: str, by: Callable[[Path], object]) -> Callable[[Path], object]:
    def plant(root: Path) -> None:
        (root / path).unlink()
        by(root / path)

    return plant


TRANSPORT: dict[str, tuple[Callable[[Path], object], str, str, str | None]] = {
    "manifest missing": (lambda r: (r / MANIFEST).unlink(), "MANIFEST_MISSING", "error", MANIFEST),
    "manifest empty": (lambda r: (r / MANIFEST).write_bytes(b""), "JSON_EMPTY", "error", MANIFEST),
    "manifest edited": (
        lambda r: (r / MANIFEST).write_text((r / MANIFEST).read_text().replace('"seed": 42', '"seed": 43')),
        "MANIFEST_VERSION_WRONG",
        "error",
        MANIFEST,
    ),
    "file missing": (lambda r: (r / TRAIN_1).unlink(), "FILE_MISSING", "error", TRAIN_1),
    "file of another size": (lambda r: (r / TRAIN_1).write_bytes(png()[:-5]), "FILE_SIZE_DIFFERS", "error", TRAIN_1),
    "file of another content": (
        lambda r: (r / TRAIN_1).write_bytes((r / TRAIN_1).read_bytes()[:-1] + b"?"),
        "FILE_HASH_DIFFERS",
        "error",
        TRAIN_1,
    ),
    "annotations edited": (
        lambda r: (r / TRAIN).write_text((r / TRAIN).read_text().replace("60.25", "60.26", 1)),
        "FILE_HASH_DIFFERS",
        "error",
        TRAIN,
    ),
    "extra file": (lambda r: (r / "notes.txt").write_text("mine"), "FILE_EXTRA", "warning", "notes.txt"),
    "link out": (replace(TRAIN_1, lambda p: p.symlink_to("/etc/hostname")), "FILE_REFUSED", "error", TRAIN_1),
    "pipe": (replace(TRAIN_1, os.mkfifo), "FILE_REFUSED", "error", TRAIN_1),
    "folder for a file": (replace(TRAIN_1, lambda p: p.mkdir()), "FILE_MISSING", "error", TRAIN_1),
    "name in another case": (
        lambda r: (r / TRAIN_1).rename(r / "train/images/000001.PNG"),
        "FILE_MISSING",
        "error",
        TRAIN_1,
    ),
}


@pytest.mark.parametrize("defect", TRANSPORT)
def test_damage_on_the_way_is_found_by_the_manifest(tmp_path: Path, defect: str) -> None:
    plant, code, severity, path = TRANSPORT[defect]
    root = SampleDataset().write(tmp_path)
    plant(root)
    found = [finding for finding in check(root).findings if finding.code == code]
    assert [(finding.severity.value, finding.file) for finding in found] == [(severity, path)]


def test_a_model_with_fewer_classes_is_too_small(tmp_path: Path) -> None:
    store = DirectoryStore(SampleDataset().write(tmp_path))
    assert check_dataset(store, max_category_id=2).findings == []
    found = check_dataset(store, max_category_id=1).findings
    assert {finding.code for finding in found} == {"CATEGORY_ID_TOO_LARGE"}


def test_findings_hold_nothing_that_a_terminal_obeys_or_cannot_print() -> None:
    from dataset_contract.findings import FindingLog

    found = FindingLog(file="a\udcff")
    found.error("X", "\x1b[31mred\n \ud800 K\u00fcche.", "\u202eback.")
    (finding,) = found.findings()
    assert isinstance(finding, Finding)
    assert (finding.file, finding.message) == ("a\\udcff", "\\x1b[31mred\\n \\ud800 K\u00fcche.")
    assert finding.fix == "\\u202eback."


@settings(max_examples=60)
@given(st.data())
def test_no_bytes_in_any_file_cause_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    sample = SampleDataset()
    files = sample.all_files()
    path = data.draw(st.sampled_from(sorted(files)))
    old = files[path]
    start, removed = data.draw(st.integers(0, len(old))), data.draw(st.integers(0, 30))
    files[path] = old[:start] + data.draw(st.binary(max_size=30)) + old[start + removed :]
    root = tmp_path_factory.mktemp("fuzzed")
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    report = check(root)
    if path != MANIFEST:  # in which a further blank changes nothing
        assert bool(report.findings) == (files[path] != old)
    json.dumps(report.to_json(), ensure_ascii=False).encode()
