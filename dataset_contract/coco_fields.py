"""The entries of a COCO file, field by field: types, ranges, ids and references."""

from __future__ import annotations

from collections.abc import Sequence, Set
from operator import itemgetter
from typing import Any

from dataset_contract.coco_types import NO_ATTRIBUTES, Annotation, Category, Image
from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import sanitise
from dataset_contract.segmentation import NONE, SOUND

MAX_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""
_LIMIT = float(2**53)
"""Bounds every number: beyond it is no coordinate. Comparing with it also catches infinity, NaN and huge integers."""


def read_categories(items: Sequence[Any], found: FindingLog) -> tuple[list[Category], set[int]]:
    """The categories that are right, and all category ids seen, those of wrong entries included."""
    categories: list[Category] = []
    seen: set[int] = set()
    names: dict[str, str] = {}
    for index, item in enumerate(items):
        category_id = _new_id(item, "categories", index, seen, found)
        if category_id is None:
            continue
        name = item.get("name")
        if not isinstance(name, str) or not name.strip():
            found.error(
                "CATEGORY_NAME_INVALID",
                f"Category {category_id} has {short(name)} as its name.",
                "Give the category a name: classes are told apart by it.",
            )
        elif (same := names.setdefault(name.strip().casefold(), name)) is not name:
            found.error(
                "CATEGORY_NAME_DUPLICATE",
                f"Two categories are called {short(same)} and {short(name)}.",
                "Keep one of them, and give its id to the other's annotations.",
            )
        else:
            categories.append(Category(category_id, name))
    if not items:
        found.error("NO_CATEGORIES", "There are no categories.", "Name the classes in the section categories.")
    return categories, seen


def read_images(items: Sequence[Any], found: FindingLog) -> tuple[list[Image], set[int]]:
    """The images that are right, and all image ids seen, those of wrong entries included."""
    images: list[Image] = []
    seen: set[int] = set()
    for index, item in enumerate(items):
        image_id = _new_id(item, "images", index, seen, found)
        if image_id is None:
            continue
        file_name, width, height = item.get("file_name"), item.get("width"), item.get("height")
        sound = True
        if not isinstance(file_name, str) or not file_name or "\0" in file_name:
            found.error(
                "FILE_NAME_INVALID",
                f"Image {image_id} has {short(file_name)} as its file_name.",
                "Write the path of its image file as a text.",
                image_id=image_id,
            )
            sound = False
        for name, side in (("width", width), ("height", height)):
            if type(side) is not int or not 0 < side <= MAX_ID:
                found.error(
                    "IMAGE_SIZE_INVALID",
                    f"Image {image_id} has {short(side)} as its {name}.",
                    "Write the image's size in whole pixels, as its file has it.",
                    image_id=image_id,
                )
                sound = False
        if sound:
            images.append(Image(image_id, file_name, width, height))
    return images, seen


_usual_fields = itemgetter("id", "image_id", "category_id", "bbox", "area", "iscrowd")


def read_annotations(
    items: list[Any], found: FindingLog, *, image_ids: Set[int], category_ids: Set[int]
) -> list[Annotation]:
    """The annotations that are right. The hot loop: 173,023 times in CubiCasa5K, so a usual one costs no call of ours.

    Usual is one that has all its fields, its box's area, and no polygon. Each item's place in `items` is cleared once
    it is read: so many of them are not to be in memory twice.
    """
    annotations: list[Annotation] = []
    seen: set[int] = set()
    for index, item in enumerate(items):
        items[index] = None
        try:
            annotation_id, image_id, category_id, box, area, iscrowd = _usual_fields(item)
            x, y, width, height = box
            if (
                type(annotation_id) is type(image_id) is type(category_id) is type(iscrowd) is int
                and type(x) in _NUMBERS
                and type(y) in _NUMBERS
                and type(width) in _NUMBERS
                and type(height) in _NUMBERS
                and type(area) in _NUMBERS
                and 0 <= annotation_id <= MAX_ID
                and annotation_id not in seen
                and image_id in image_ids
                and category_id in category_ids
                and 0 <= iscrowd <= 1
                and -_LIMIT < x < _LIMIT
                and -_LIMIT < y < _LIMIT
                and -_LIMIT < width < _LIMIT
                and -_LIMIT < height < _LIMIT
                and 0 <= area < _LIMIT
                and -0.5 <= area - width * height <= 0.5
                and type(box) is list
                and (len(item) == 6 or (len(item) == 7 and "attributes" in item))
            ):
                seen.add(annotation_id)
                attributes = NO_ATTRIBUTES if len(item) == 6 else _texts(item["attributes"])
                box = (x, y, width, height)
                fields = (annotation_id, image_id, category_id, box, area, iscrowd, attributes)
                annotations.append(tuple.__new__(Annotation, fields))  # Annotation(...) is a call in Python
                continue
        except (KeyError, TypeError, ValueError):  # something is missing, or is of another kind
            pass
        annotation = _read_annotation(item, index, seen, found, image_ids=image_ids, category_ids=category_ids)
        if annotation is not None:
            annotations.append(annotation)
    return annotations


def _read_annotation(
    item: dict[str, Any], index: int, seen: set[int], found: FindingLog, *, image_ids: Set[int], category_ids: Set[int]
) -> Annotation | None:
    """One annotation of any kind; None, and a finding, if it is wrong."""
    annotation_id = _new_id(item, "annotations", index, seen, found)
    if annotation_id is None:
        return None
    image_id, category_id, iscrowd = item.get("image_id"), item.get("category_id"), item.get("iscrowd", 0)
    box = _box(item.get("bbox"))
    if (
        box is None
        or type(image_id) is not int
        or image_id not in image_ids
        or type(category_id) is not int
        or category_id not in category_ids
        or type(iscrowd) is not int
        or iscrowd not in (0, 1)
    ):
        _log_annotation(item, annotation_id, found, image_ids=image_ids, category_ids=category_ids)
        return None
    area = _checked_area(item.get("area"), box, item.get("segmentation", NONE), annotation_id, found)
    if area is None:
        return None
    attributes = _texts(item.get("attributes")) or NO_ATTRIBUTES
    return Annotation(annotation_id, image_id, category_id, box, area, iscrowd, attributes)


_NUMBERS = frozenset((int, float))


def _box(bbox: object) -> tuple[float, float, float, float] | None:
    """The box as it stands there, whole numbers as ints; None if it is not four finite numbers."""
    if type(bbox) is not list or len(bbox) != 4:
        return None
    if not all(type(number) in _NUMBERS and -_LIMIT < number < _LIMIT for number in bbox):
        return None
    x, y, width, height = bbox
    return x, y, width, height


def _checked_area(
    area: object, box: tuple[float, float, float, float], segmentation: str, annotation_id: int, found: FindingLog
) -> float | None:
    """The area to go on with, None if there is none; an area that is missing or wrong is said."""
    of_box = max(box[2], 0) * max(box[3], 0)
    if segmentation not in (NONE, SOUND):
        found.warning(
            "SEGMENTATION_INVALID",
            f"The segmentation of annotation {annotation_id} {segmentation}.",
            "Leave it out or mend it: training uses the box only.",
            annotation_id=annotation_id,
        )
    if area is None:
        found.warning(
            "AREA_MISSING",
            f"Annotation {annotation_id} has no area; width x height of its box is taken.",
            "Write the area: scores for small, medium and large objects depend on it.",
            annotation_id=annotation_id,
        )
        return of_box
    if not isinstance(area, int | float) or isinstance(area, bool) or not 0 <= area < _LIMIT:
        found.error(
            "AREA_INVALID",
            f"Annotation {annotation_id} has {short(area)} as its area.",
            "Write the area in square pixels, a finite number.",
            annotation_id=annotation_id,
        )
        return None
    tolerance = 0.01 * abs(of_box) + 0.5
    too_small = area < of_box - tolerance and segmentation == NONE
    if too_small or area > of_box + tolerance:
        found.warning(
            "AREA_WRONG",
            f"Annotation {annotation_id} has the area {area:g}, but its box has {of_box:g} square pixels.",
            "Write width x height, or the polygon's area: scores for small, medium and large objects depend on it.",
            annotation_id=annotation_id,
        )
    return float(area)


def _log_annotation(
    item: dict[str, Any], annotation_id: int, found: FindingLog, *, image_ids: Set[int], category_ids: Set[int]
) -> None:
    """Say which of the fields that an annotation cannot do without are wrong."""
    for name, known in (("image_id", image_ids), ("category_id", category_ids)):
        reference = item.get(name)
        if type(reference) is not int or reference not in known:
            section = "images" if name == "image_id" else "categories"
            found.error(
                f"{name.upper()}_UNKNOWN",
                f"Annotation {annotation_id} has the {name} {short(reference)}, which is not among the {section}.",
                f"Add the entry to {section}, or remove the annotation.",
                annotation_id=annotation_id,
                image_id=reference if name == "image_id" and type(reference) is int else None,
            )
    if _box(bbox := item.get("bbox")) is None:
        found.error(
            "BOX_INVALID",
            f"Annotation {annotation_id} has {short(bbox)} as its bbox.",
            "Write the box as four finite numbers: x, y, width, height in pixels.",
            annotation_id=annotation_id,
        )
    if type(iscrowd := item.get("iscrowd", 0)) is not int or iscrowd not in (0, 1):
        found.error(
            "ISCROWD_INVALID",
            f"Annotation {annotation_id} has {short(iscrowd)} as its iscrowd.",
            "Write 0 for a single object, 1 for a crowd.",
            annotation_id=annotation_id,
        )


def _texts(attributes: object) -> dict[str, str]:
    """The attributes that are texts; other tools write truth values and numbers there, which nothing here uses.

    One named segmentation is no text of theirs: condense_segmentation put its verdict there.
    """
    if not isinstance(attributes, dict):
        return {}
    return {key: value for key, value in attributes.items() if isinstance(value, str) and key != "segmentation"}


def _new_id(item: object, section: str, index: int, seen: set[int], found: FindingLog) -> int | None:
    """The id of an entry, None (and a finding) if it has none that is right and new."""
    if type(item) is not dict:
        found.error(
            "ENTRY_NOT_AN_OBJECT",
            f"{section}[{index}] is {short(item)}, not an object.",
            "Remove or rewrite the entry.",
        )
        return None
    item_id = item.get("id")
    if type(item_id) is not int or not 0 <= item_id <= MAX_ID:
        found.error(
            "ID_INVALID",
            f"{section}[{index}] has {short(item_id)} as its id.",
            "Give it an integer id of its own, 0 or more and below 2^53.",
        )
        return None
    if item_id in seen:
        found.error(
            "ID_DUPLICATE",
            f"{section}[{index}] has the id {item_id}, which an earlier entry has already.",
            "Give every entry of a section an id of its own.",
        )
        return None
    seen.add(item_id)
    return item_id


def short(value: object) -> str:
    """`value` as a person can read it in a sentence, whatever and however long it is."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        plain = len(value) <= 6 and not any(isinstance(item, dict | list) for item in value)
        return f"[{', '.join(map(short, value))}]" if plain else f"a list of {len(value)} entries"
    if isinstance(value, int) and abs(value) > MAX_ID:
        return "a huge integer"
    return sanitise(repr(value), longest=60)
