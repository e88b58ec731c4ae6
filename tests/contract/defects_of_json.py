"""Defects of a COCO file as JSON, and of the ids in it."""

from __future__ import annotations

from tests.contract.planting import TRAIN, Planted, annotation, image, raw
from tests.contract.samples import SampleDataset


def larger_category(sample: SampleDataset) -> None:
    for coco in sample.coco.values():
        coco["categories"][1]["id"] = 10_000
        for item in coco["annotations"]:
            item["category_id"] = 10_000 if item["category_id"] == 2 else 1
    sample.stated = sample.coco


JSON_DEFECTS: dict[str, Planted] = {
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
}
