"""Reading and writing one COCO file: strictly in, the same bytes for the same content out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from dataset_contract.coco_fields import read_annotations, read_categories, read_images
from dataset_contract.coco_types import Annotation, Category, CocoDataset, Image
from dataset_contract.findings import Finding, FindingLog
from dataset_contract.segmentation import condense_segmentation
from dataset_contract.strict_json import garbage_collection_paused, parse_json

__all__ = ["Annotation", "Category", "CocoDataset", "Image", "coco_to_bytes", "parse_coco"]

_SECTIONS = ("images", "annotations", "categories")


def parse_coco(
    data: bytes,
    *,
    file: str,
    split: str | None = None,
    with_polygons: Callable[[dict[str, Any]], None] | None = None,
    adapt: Callable[[dict[str, Any]], None] | None = None,
) -> tuple[CocoDataset | None, list[Finding]]:
    """Read a COCO file, and say all that is wrong with it: as JSON, in its types, ids and references.

    Args:
        data: the file's bytes, whatever they are: nothing in them causes an exception.
        file: how findings name the file.
        split: how findings name the split, if the file belongs to one.
        with_polygons: changes each object in a file with segmentations, for files from elsewhere: before they are
            dropped.
        adapt: changes the object that the file holds before it is checked, for files from elsewhere; where an
            annotation had a segmentation, there is the result of condense_segmentation.

    Returns:
        The data set without the entries that have an error (None if there is nothing to use), and the findings.
        Whether boxes fit their images is annotation_checks' part, whether file names fit the layout is
        image_checks', so that files from elsewhere can be read too. Polygons are checked, then dropped.
    """
    with garbage_collection_paused():
        polygons = b"segmentation" in data or b"\\u" in data  # its name may be written with escapes
        on_object = _then_condense(with_polygons) if polygons else None
        value, findings = parse_json(data, file=file, split=split, on_object=on_object)
        if value is None and findings:
            return None, findings
        if adapt is not None and isinstance(value, dict):
            adapt(value)
        found = FindingLog(split=split, file=file)
        dataset = _read_sections(value, file, found)
    return dataset, findings + found.findings()


def _then_condense(first: Callable[[dict[str, Any]], None] | None) -> Callable[[dict[str, Any]], None]:
    if first is None:
        return condense_segmentation

    def both(item: dict[str, Any]) -> None:
        first(item)
        condense_segmentation(item)

    return both


def _read_sections(value: object, file: str, found: FindingLog) -> CocoDataset | None:
    if not isinstance(value, dict):
        found.error(
            "JSON_NOT_AN_OBJECT",
            f"{file} holds {_kind(value)} where COCO has an object with images, annotations and categories.",
            "Check that this is the COCO file, and write it again.",
        )
        return None
    complete = True
    for name in _SECTIONS:
        if not isinstance(value.get(name), list):
            problem = f"is {_kind(value[name])}, not a list" if name in value else "is missing"
            found.error(
                "SECTION_MISSING", f'{file}: the section "{name}" {problem}.', "Write the file again, complete."
            )
            complete = False
    if not complete:
        return None
    categories, category_ids = read_categories(value["categories"], found)
    images, image_ids = read_images(value["images"], found)
    annotations = read_annotations(value["annotations"], found, image_ids=image_ids, category_ids=category_ids)
    if len(images) < len(image_ids) or len(categories) < len(category_ids):  # what belongs to a wrong entry goes too
        usable_images, usable_categories = {item.id for item in images}, {item.id for item in categories}
        annotations = [
            item for item in annotations if item.image_id in usable_images and item.category_id in usable_categories
        ]
    return CocoDataset(images, annotations, categories)


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def coco_to_bytes(dataset: CocoDataset) -> bytes:
    """The COCO file of `dataset`: UTF-8 JSON, one image or annotation a line, everything sorted by id.

    Equal data sets give equal bytes on every machine: keys have a fixed order, and a whole number is written
    without a decimal point whether it is an int or a float.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    sections = {
        "images": map(_image, sorted(dataset.images, key=_by_id)),
        "annotations": map(_annotation, sorted(dataset.annotations, key=_by_id)),
        "categories": map(_category, sorted(dataset.categories, key=_by_id)),
    }
    texts = (f'"{name}": {_lines(items)}'.encode() for name, items in sections.items())
    return b"".join((b"{\n", b",\n".join(texts), b"\n}\n"))


_by_id = attrgetter("id")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _lines(items: Iterable[str]) -> str:
    lines = ",\n".join(items)
    return f"[\n{lines}\n]" if lines else "[]"


def _image(image: Image) -> str:
    fields = {"id": image.id, "file_name": image.file_name, "width": image.width, "height": image.height}
    return _encode(fields | {"source_folder": image.source_folder} if image.source_folder else fields)


def _category(category: Category) -> str:
    return _encode({"id": category.id, "name": category.name})


def _annotation(annotation: Annotation) -> str:
    """Put together by hand: there are hundreds of thousands, and json's encoder takes four times as long for each."""
    number, image_id, category_id, (x, y, width, height), area, iscrowd, attributes = annotation
    # Only a finite number that is not whole leaves a remainder above 0.
    text = (
        f'{{"id":{number},"image_id":{image_id},"category_id":{category_id},"bbox":['
        f"{repr(x) if x % 1 > 0 else _whole(x)},{repr(y) if y % 1 > 0 else _whole(y)},"
        f"{repr(width) if width % 1 > 0 else _whole(width)},{repr(height) if height % 1 > 0 else _whole(height)}],"
        f'"area":{repr(area) if area % 1 > 0 else _whole(area)},"iscrowd":{iscrowd}'
    )
    if attributes:
        text += f',"attributes":{_encode(dict(sorted(attributes.items())))}'
    return text + "}"


def _whole(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no place in JSON")
    return str(int(value))
