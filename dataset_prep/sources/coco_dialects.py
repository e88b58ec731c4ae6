"""What annotation tools write into COCO files that the contract does not take: brought into its form, and said.

CVAT's turned rectangles (attributes.rotation), Roboflow's unused root category, polygons without boxes, sizes that are
missing, numbers that are texts or truth values, whole ones with a decimal point. Whatever is still wrong then is the
contract's to say.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import short
from dataset_contract.strict_json import is_number
from dataset_prep.plural import pluralise
from dataset_prep.rounding import rounded

Size = tuple[int, int]

_NUMBER = re.compile(r"\s*-?[0-9]{1,15}(\.[0-9]{1,20})?\s*")
_ROOT = "none"  # what Roboflow calls the supercategory of its root
_NUMBERS = {
    "images": ("id", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "area", "iscrowd"),
    "categories": ("id",),
}


def adapt_export(content: dict[str, Any], file: str, size_of: Callable[[str], Size | None], found: FindingLog) -> None:
    """Bring the content of a COCO file, which may be anything, into the contract's form where its meaning is certain.

    Args:
        content: the file's JSON; changed in place.
        file: how findings name it.
        size_of: width and height of the image file that an entry's file_name means, None if there is none.
        found: gets what was changed.
    """
    _read_numbers(content, file, found)
    _drop_root_category(content, file, found)
    _turn_boxes(content, file, found)
    _fill_in_sizes(content, file, size_of, found)


class PolygonBoxes:
    """Gives objects that have polygons and no box the box around the polygons."""

    def __init__(self) -> None:
        self._drawn = 0

    def draw(self, item: dict[str, Any]) -> None:
        """Add the box to `item`, any object of a COCO file, if it is such an object."""
        polygons = item.get("segmentation")
        if type(polygons) is not list or not polygons or item.get("bbox") not in (None, []):
            return
        if all(type(each) is list and len(each) >= 6 and not len(each) % 2 for each in polygons):
            numbers = [number for polygon in polygons for number in polygon]
            if all(map(is_number, numbers)):
                xs = [x for polygon in polygons for x in polygon[::2]]
                ys = [y for polygon in polygons for y in polygon[1::2]]
                sides = (max(xs) - min(xs), max(ys) - min(ys))
                item["bbox"] = [min(xs), min(ys), *map(rounded, sides)]
                self._drawn += 1

    def report(self, file: str, found: FindingLog) -> None:
        """Say how many there were in `file`."""
        if self._drawn:
            found.info(
                "BOXES_FROM_POLYGONS",
                f"{file}: {pluralise(self._drawn, 'object has', 'objects have')} polygons and no bbox; each box is the "
                "one around its polygons.",
                "Nothing to do.",
                file=file,
            )


def _entries(content: dict[str, Any], section: str) -> Iterator[dict[str, Any]]:
    entries = content.get(section)
    return (entry for entry in entries if type(entry) is dict) if isinstance(entries, list) else iter(())


def _read_numbers(content: dict[str, Any], file: str, found: FindingLog) -> None:
    """Numbers in quotes, whole numbers with a decimal point, as pandas writes them, and truth values for iscrowd."""
    count, first = 0, ""
    for section, keys in _NUMBERS.items():
        for entry in _entries(content, section):
            for key in keys:
                value = entry.get(key)
                number = value if type(value) is int else _meant(key, value)
                if number is not None and number is not value:
                    entry[key] = number
                    count, first = count + 1, first or f"{key} {short(value)} in {section}"
            box = entry.get("bbox")
            if type(box) is list and str in map(type, box):
                numbers = [_number(side) if type(side) is str else side for side in box]
                if None not in numbers:
                    entry["bbox"] = numbers
                    count, first = count + 1, first or f"bbox {short(box)}"
    if count:
        found.warning(
            "NUMBERS_CONVERTED",
            f"{file}: {pluralise(count, 'number is', 'numbers are')} written otherwise than in COCO, such as {first}; "
            "taken for what they mean.",
            "Look at some boxes in the report; nothing to do if they are right.",
            file=file,
        )


def _meant(key: str, value: object) -> int | float | None:
    """The number that `value` means as an entry's `key`; None if it means none."""
    if key == "iscrowd" and type(value) is bool:
        return int(value)
    number = _number(value) if type(value) is str else value
    if type(number) is float:
        return int(number) if key != "area" and number.is_integer() else number
    return number if type(number) is int else None


def _number(text: str) -> int | float | None:
    found = _NUMBER.fullmatch(text) if text.isascii() else None
    return None if found is None else float(text) if found[1] else int(text)


def _drop_root_category(content: dict[str, Any], file: str, found: FindingLog) -> None:
    """Roboflow's group of all classes: the supercategory of others, often called like its only class, with no box."""
    categories = list(_entries(content, "categories"))
    groups = {str(category.get("supercategory")) for category in categories}
    roots = [each for each in categories if each.get("supercategory") == _ROOT and str(each.get("name")) in groups]
    if not roots:
        return
    used = {str(annotation.get("category_id")) for annotation in _entries(content, "annotations")}
    for root in roots:
        if str(root.get("id")) not in used:
            content["categories"] = [each for each in content["categories"] if each is not root]
            name = short(root.get("name"))
            found.info(
                "ROOT_CATEGORY_DROPPED",
                f"{file}: the category {name} is the group of the other classes, as Roboflow writes "
                "it, without a box: left out.",
                "Nothing to do.",
                file=file,
            )


def _turn_boxes(content: dict[str, Any], file: str, found: FindingLog) -> None:
    """CVAT's turned rectangles: bbox is the rectangle before turning, attributes.rotation the degrees."""
    turned = 0
    for annotation in _entries(content, "annotations"):
        attributes, box = annotation.get("attributes"), annotation.get("bbox")
        rotation = attributes.get("rotation") if type(attributes) is dict else None
        if is_number(rotation) and rotation % 360 and type(box) is list and len(box) == 4 and all(map(is_number, box)):
            annotation["bbox"] = around_turned(box, rotation)
            annotation["area"] = rounded(annotation["bbox"][2] * annotation["bbox"][3])
            turned += 1
    if turned:
        found.info(
            "BOXES_TURNED",
            f"{file}: {pluralise(turned, 'rectangle is', 'rectangles are')} turned (attributes.rotation, as CVAT "
            "writes it); each box is the one around the turned rectangle.",
            "Nothing to do; a slanting object's box is larger than the object.",
            file=file,
        )


def around_turned(box: Sequence[float], degrees: float) -> list[float]:
    """The box [x, y, width, height] around a rectangle that is turned about its centre."""
    x, y, width, height = box
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    across, down = width * cosine + height * sine, width * sine + height * cosine
    corners = (x + (width - across) / 2, y + (height - down) / 2, across, down)
    return list(map(rounded, corners))


def _fill_in_sizes(
    content: dict[str, Any], file: str, size_of: Callable[[str], Size | None], found: FindingLog
) -> None:
    filled = 0
    for image in _entries(content, "images"):
        name = image.get("file_name")
        if (image.get("width") is None or image.get("height") is None) and isinstance(name, str):
            size = size_of(name)
            if size is not None:
                image["width"], image["height"] = size
                filled += 1
    if filled:
        found.info(
            "SIZES_FROM_IMAGES",
            f"{file}: {pluralise(filled, 'image has', 'images have')} no width or height; taken from the image files.",
            "Nothing to do if the boxes were drawn on images of this size.",
            file=file,
        )
