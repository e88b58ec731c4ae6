"""What reading a COCO file accepts and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_contract import coco_fields
from dataset_contract.annotation_checks import check_annotations
from dataset_contract.coco import Annotation, CocoDataset, coco_to_bytes, parse_coco
from dataset_contract.findings import Finding, FindingLog
from dataset_contract.image_checks import check_file_names
from tests.contract.samples import SampleDataset

Plant = Callable[[dict[str, Any]], object]


def sound() -> Any:
    coco = SampleDataset().coco["train"]
    return json.loads(json.dumps(coco))


def read(coco: object) -> tuple[CocoDataset | None, dict[str, str]]:
    dataset, findings = parse_coco(json.dumps(coco).encode(), file="a.json", split="train")
    assert all(finding.file == "a.json" and finding.split == "train" for finding in findings)
    return dataset, {finding.code: finding.severity.value for finding in findings}


def annotation(change: dict[str, Any]) -> Plant:
    return lambda coco: coco["annotations"][0].update(change)


def image(change: dict[str, Any]) -> Plant:
    return lambda coco: coco["images"][0].update(change)


WRONG: dict[str, tuple[Plant, str, str]] = {
    "annotation id true": (annotation({"id": True}), "ID_INVALID", "error"),
    "annotation id float": (annotation({"id": 2.0}), "ID_INVALID", "error"),
    "annotation id text": (annotation({"id": "2"}), "ID_INVALID", "error"),
    "annotation id null": (annotation({"id": None}), "ID_INVALID", "error"),
    "annotation id negative": (annotation({"id": -1}), "ID_INVALID", "error"),
    "annotation id 2^53": (annotation({"id": 2**53}), "ID_INVALID", "error"),
    "annotation id absent": (lambda c: c["annotations"][0].pop("id"), "ID_INVALID", "error"),
    "annotation id twice": (annotation({"id": 3}), "ID_DUPLICATE", "error"),
    "annotation no object": (lambda c: c["annotations"].append([1]), "ENTRY_NOT_AN_OBJECT", "error"),
    "annotations object": (lambda c: c.update(annotations={}), "SECTION_MISSING", "error"),
    "image_id unknown": (annotation({"image_id": 99}), "IMAGE_ID_UNKNOWN", "error"),
    "image_id true": (annotation({"image_id": True}), "IMAGE_ID_UNKNOWN", "error"),
    "image_id text": (annotation({"image_id": "1"}), "IMAGE_ID_UNKNOWN", "error"),
    "image_id float": (annotation({"image_id": 1.0}), "IMAGE_ID_UNKNOWN", "error"),
    "image_id list": (annotation({"image_id": [1]}), "IMAGE_ID_UNKNOWN", "error"),
    "category_id unknown": (annotation({"category_id": 3}), "CATEGORY_ID_UNKNOWN", "error"),
    "category_id true": (annotation({"category_id": True}), "CATEGORY_ID_UNKNOWN", "error"),
    "bbox absent": (lambda c: c["annotations"][0].pop("bbox"), "BOX_INVALID", "error"),
    "bbox null": (annotation({"bbox": None}), "BOX_INVALID", "error"),
    "bbox of three": (annotation({"bbox": [1, 2, 3]}), "BOX_INVALID", "error"),
    "bbox of five": (annotation({"bbox": [1, 2, 3, 4, 5]}), "BOX_INVALID", "error"),
    "bbox of texts": (annotation({"bbox": ["1", "2", "3", "4"]}), "BOX_INVALID", "error"),
    "bbox with true": (annotation({"bbox": [True, 2, 3, 4]}), "BOX_INVALID", "error"),
    "bbox with null": (annotation({"bbox": [None, 2.0, 3.0, 4.0]}), "BOX_INVALID", "error"),
    "bbox nested": (annotation({"bbox": [[1, 2, 3, 4]]}), "BOX_INVALID", "error"),
    "bbox object": (annotation({"bbox": {"x": 1, "y": 2, "w": 3, "h": 4}}), "BOX_INVALID", "error"),
    "bbox huge": (annotation({"bbox": [10**400, 2, 3, 4]}), "BOX_INVALID", "error"),
    "area absent": (lambda c: c["annotations"][0].pop("area"), "AREA_MISSING", "warning"),
    "area null": (annotation({"area": None}), "AREA_MISSING", "warning"),
    "area wrong": (annotation({"area": 5000}), "AREA_WRONG", "warning"),
    "area too small": (annotation({"area": 1}), "AREA_WRONG", "warning"),
    "area negative": (annotation({"area": -241}), "AREA_INVALID", "error"),
    "area text": (annotation({"area": "241"}), "AREA_INVALID", "error"),
    "area true": (annotation({"area": True}), "AREA_INVALID", "error"),
    "area huge": (annotation({"area": 10**400}), "AREA_INVALID", "error"),
    "iscrowd 2": (annotation({"iscrowd": 2}), "ISCROWD_INVALID", "error"),
    "iscrowd true": (annotation({"iscrowd": True}), "ISCROWD_INVALID", "error"),
    "iscrowd null": (annotation({"iscrowd": None}), "ISCROWD_INVALID", "error"),
    "polygon odd": (annotation({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}), "SEGMENTATION_INVALID", "warning"),
    "polygon short": (annotation({"segmentation": [[1, 2, 3, 4]]}), "SEGMENTATION_INVALID", "warning"),
    "polygon flat": (annotation({"segmentation": [1, 2, 3, 4, 5, 6]}), "SEGMENTATION_INVALID", "warning"),
    "polygon of texts": (annotation({"segmentation": [["1"] * 6]}), "SEGMENTATION_INVALID", "warning"),
    "mask without size": (annotation({"segmentation": {"counts": "abc"}}), "SEGMENTATION_INVALID", "warning"),
    "segmentation text": (annotation({"segmentation": "sound"}), "SEGMENTATION_INVALID", "warning"),
    "image id float": (image({"id": 1.5}), "ID_INVALID", "error"),
    "image id twice": (image({"id": 2}), "ID_DUPLICATE", "error"),
    "image without name": (lambda c: c["images"][0].pop("file_name"), "FILE_NAME_INVALID", "error"),
    "image name empty": (image({"file_name": ""}), "FILE_NAME_INVALID", "error"),
    "image name number": (image({"file_name": 1}), "FILE_NAME_INVALID", "error"),
    "image name NUL": (image({"file_name": "a\0.png"}), "FILE_NAME_INVALID", "error"),
    "width zero": (image({"width": 0}), "IMAGE_SIZE_INVALID", "error"),
    "width float": (image({"width": 120.0}), "IMAGE_SIZE_INVALID", "error"),
    "height absent": (lambda c: c["images"][0].pop("height"), "IMAGE_SIZE_INVALID", "error"),
    "height text": (image({"height": "80"}), "IMAGE_SIZE_INVALID", "error"),
    "source folder number": (image({"source_folder": 17}), "SOURCE_FOLDER_INVALID", "warning"),
    "source folder null": (image({"source_folder": None}), "SOURCE_FOLDER_INVALID", "warning"),
    "source folder blank": (image({"source_folder": " "}), "SOURCE_FOLDER_INVALID", "warning"),
    "source folder hidden": (image({"source_folder": "a\u202e"}), "SOURCE_FOLDER_INVALID", "warning"),
    "source folder long": (image({"source_folder": 65 * "a"}), "SOURCE_FOLDER_INVALID", "warning"),
    "category nameless": (lambda c: c["categories"][0].pop("name"), "CATEGORY_NAME_INVALID", "error"),
    "category name blank": (lambda c: c["categories"][0].update(name=" "), "CATEGORY_NAME_INVALID", "error"),
    "category name twice": (lambda c: c["categories"][0].update(name="room"), "CATEGORY_NAME_DUPLICATE", "error"),
    "category name case": (lambda c: c["categories"][0].update(name="Room "), "CATEGORY_NAME_DUPLICATE", "error"),
    "category id twice": (lambda c: c["categories"][0].update(id=2), "ID_DUPLICATE", "error"),
    "category id float": (lambda c: c["categories"][0].update(id=1.0), "ID_INVALID", "error"),
    "no categories": (lambda c: c.update(categories=[]), "NO_CATEGORIES", "error"),
    "no images section": (lambda c: c.pop("images"), "SECTION_MISSING", "error"),
    "null section": (lambda c: c.update(categories=None), "SECTION_MISSING", "error"),
}


@pytest.mark.parametrize("defect", WRONG)
def test_a_planted_defect_is_found(defect: str) -> None:
    plant, code, severity = WRONG[defect]
    coco = sound()
    plant(coco)
    _, found = read(coco)
    assert found.get(code) == severity


def test_a_number_too_large_for_a_float_is_no_number() -> None:
    data = json.dumps(sound()).encode().replace(b"60.25", b"1e999")
    _, findings = parse_coco(data, file="a")
    assert "BOX_INVALID" in {finding.code for finding in findings}


@pytest.mark.parametrize("top", [b"null", b"[]", b"3", b'"a"', b"true"])
def test_the_top_level_is_an_object(top: bytes) -> None:
    dataset, findings = parse_coco(top, file="a")
    assert dataset is None
    assert [finding.code for finding in findings] == ["JSON_NOT_AN_OBJECT"]


RIGHT: dict[str, Plant] = {
    "nothing changed": lambda c: None,
    "fields of other tools": lambda c: c.update(info={"year": 2026}, licenses=[{"id": 1}], extra=None),
    "category with supercategory": lambda c: c["categories"][0].update(supercategory="structure"),
    "unused category": lambda c: c["categories"].append({"id": 90, "name": "door"}),
    "category id 0": lambda c: (
        c["categories"].append({"id": 0, "name": "door"}),
        c["annotations"][0].update(category_id=0),
    ),
    "whole numbers": annotation({"bbox": [1, 2, 30, 4], "area": 120}),
    "no iscrowd": lambda c: c["annotations"][0].pop("iscrowd"),
    "crowd": annotation({"iscrowd": 1}),
    "no polygon": annotation({"segmentation": []}),
    "null polygon": annotation({"segmentation": None}),
    "polygon with its own area": annotation({"segmentation": [[10, 10, 70, 10, 40, 14.5]], "area": 120.5}),
    "two polygons": annotation({"segmentation": [[10, 10, 70, 10, 40, 14], [10, 10, 20, 10, 20, 14]], "area": 100}),
    "mask": annotation({"segmentation": {"counts": [9500, 100], "size": [80, 120]}, "area": 100}),
    "attributes of other tools": annotation({"attributes": {"occluded": False, "rotation": 0.0}}),
    "unicode": image({"file_name": "images/Küche 1.png"}),
    "stale path of a source": image({"file_name": "/kaggle/input/x/F1_original.png"}),
    "largest id": annotation({"id": 2**53 - 1}),
    "source folder": image({"source_folder": "Küche, 1:100"}),
    "no source folder": image({"source_folder": ""}),
    "image id 0": lambda c: c["images"].append({"id": 0, "file_name": "a.png", "width": 1, "height": 1}),
    "no annotations": lambda c: c.update(annotations=[]),
    "no images": lambda c: c.update(annotations=[], images=[]),
}


@pytest.mark.parametrize("variant", RIGHT)
def test_a_legitimate_variant_is_accepted_without_a_word(variant: str) -> None:
    coco = sound()
    RIGHT[variant](coco)
    dataset, found = read(coco)
    assert found == {}
    assert dataset is not None
    assert len(dataset.annotations) == len(coco["annotations"])


def test_what_is_wrong_is_left_out_and_the_rest_is_kept() -> None:
    coco = sound()
    coco["images"][0]["width"] = None  # takes its two annotations with it, without blaming them
    coco["annotations"][5]["bbox"] = []
    dataset, found = read(coco)
    assert dataset is not None
    assert found == {"IMAGE_SIZE_INVALID": "error", "BOX_INVALID": "error"}
    assert [item.id for item in dataset.images] == [2, 3, 4]
    assert len(dataset.annotations) == 5


def test_the_place_is_named() -> None:
    coco = sound()
    coco["annotations"][3]["image_id"] = 77
    _, (finding,) = parse_coco(json.dumps(coco).encode(), file="val.json")
    assert finding.annotation_id == coco["annotations"][3]["id"]
    assert str(finding.annotation_id) in finding.message and "77" in finding.message


def test_an_image_whose_source_folder_is_wrong_is_kept_without_it() -> None:
    coco = sound()
    coco["images"][0]["source_folder"], coco["images"][1]["source_folder"] = ["x"], "high_quality"
    dataset, _ = read(coco)
    assert dataset is not None
    assert [item.source_folder for item in dataset.images] == ["", "high_quality", "", ""]


def test_attributes_survive() -> None:
    coco = sound()
    coco["annotations"][0]["attributes"] = {"room_type": "Kitchen", "occluded": True}
    dataset, _ = read(coco)
    assert dataset is not None
    assert dataset.annotations[0].attributes == {"room_type": "Kitchen"}


def test_an_attribute_named_segmentation_is_not_taken_for_a_text() -> None:
    coco = sound()
    coco["annotations"][0]["attributes"] = {"room_type": "Kitchen", "segmentation": None}
    dataset, _ = parse_coco(json.dumps(coco).encode(), file="a")
    assert dataset is not None
    assert dataset.annotations[0].attributes == {"room_type": "Kitchen"}
    assert parse_coco(coco_to_bytes(dataset), file="a") == (dataset, [])


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([2**53, 10**400, -1, 0.5, 1e308, "", "a", "images/000001.png", "../x", "sound"])
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.sampled_from(["id", "bbox", "segmentation", "counts", "size", "name"]), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = {
    "images": ["id", "file_name", "width", "height", "source_folder"],
    "annotations": ["id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "attributes"],
    "categories": ["id", "name"],
}


@given(st.data())
def test_no_value_in_any_place_causes_an_exception(data: st.DataObject) -> None:
    coco = sound()
    for _ in range(data.draw(st.integers(1, 4))):
        section = data.draw(st.sampled_from(list(FIELDS)))
        if not (isinstance(coco[section], list) and coco[section]) or not data.draw(st.integers(0, 9)):
            coco[section] = data.draw(anything)
            continue
        index = data.draw(st.integers(0, len(coco[section]) - 1))
        if isinstance(coco[section][index], dict) and data.draw(st.integers(0, 9)):
            coco[section][index][data.draw(st.sampled_from(FIELDS[section]))] = data.draw(anything)
        else:
            coco[section][index] = data.draw(anything)
    dataset, findings = parse_coco(json.dumps(coco).encode(), file="a")
    if dataset is None or len(dataset.annotations) < len(coco["annotations"]):
        assert findings  # nothing is dropped without a word
    if dataset is not None:
        check_annotations(dataset, split="train")
        check_file_names(dataset, split="train")
        written = coco_to_bytes(dataset)  # sorted by id, so the order of the input is not kept
        again, _ = parse_coco(written, file="a")
        assert again is not None
        assert coco_to_bytes(again) == written


@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 9)), min_size=1, max_size=5))
def test_no_edited_bytes_cause_an_exception(edits: list[tuple[int, bytes, int]]) -> None:
    data = json.dumps(sound()).encode()
    for place, new, removed in edits:
        start = place % (len(data) or 1)
        data = data[:start] + new + data[start + removed :]
    dataset, findings = parse_coco(data, file="a")
    if dataset is None:
        assert findings
    else:
        check_annotations(dataset)


VALUES = st.sampled_from([0, 1, 2, 3, -1, 0.0, 1.0, 1.5, 100.0, True, None, "1", 2**53, 1e300])


@given(
    entries=st.lists(
        st.fixed_dictionaries(
            {
                "id": VALUES,
                "image_id": st.sampled_from([1, 1.0, 2, True]),
                "category_id": st.sampled_from([1, 2, "1"]),
                "bbox": st.lists(VALUES, min_size=3, max_size=5) | st.just([1, 2.5, 10.0, 10]) | VALUES,
                "area": st.sampled_from([100, 100.0, 99.5, 99.4, 101, 101.6, -1, None, 2**60]),
                "iscrowd": st.sampled_from([0, 1, 2, False]),
            },
            optional={"attributes": st.just({"room_type": "Bath"}), "segmentation": st.just([])},
        ),
        max_size=4,
    )
)
@settings(max_examples=200)
def test_usual_annotations_are_read_as_a_close_look_reads_them(entries: list[dict[str, Any]]) -> None:
    def read() -> tuple[list[Annotation], list[Finding]]:
        found = FindingLog()
        return coco_fields.read_annotations(list(entries), found, image_ids={1}, category_ids={1}), found.findings()

    usual = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coco_fields, "_usual_annotation", lambda *_: None)
        assert usual == read()
