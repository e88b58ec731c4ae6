"""The entries of a COCO file, field by field: types, ranges, ids and references."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from dataset_contract.class_names import class_name_problem
from dataset_contract.coco_types import NO_ATTRIBUTES, Annotation, Category, Image
from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import short
from dataset_contract.segmentation import NONE, SOUND
from dataset_contract.strict_json import MAX_ID, is_number

_USUAL = dict.fromkeys(("id", "image_id", "category_id", "bbox", "area", "iscrowd"))
_SIDES = frozenset({int, float})
_FAR = float(2**53)


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
        problem = class_name_problem(name) if isinstance(name, str) else "is not a text"
        if problem is not None:
            found.error(
                "CATEGORY_NAME_INVALID",
                f"Category {category_id} has {short(name)} as its name, which {problem}.",
                "Give the category a short name on one line: classes are told apart by it.",
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
            images.append(Image(image_id, file_name, width, height, _source_folder(item, image_id, found)))
    return images, seen


def _source_folder(item: dict[str, Any], image_id: int, found: FindingLog) -> str:
    """Where an image came from; empty, and a finding, if what is said cannot be shown. Older data sets do not say."""
    folder = item.get("source_folder", "")
    problem = class_name_problem(folder) if isinstance(folder, str) else "is not a text"
    if folder == "" or problem is None:
        return str(folder)
    found.warning(
        "SOURCE_FOLDER_INVALID",
        f"Image {image_id} has {short(folder)} as its source_folder, which {problem}: it is left out.",
        "Write a short name on one line: the evaluation tells images apart by it.",
        image_id=image_id,
    )
    return ""


def read_annotations(
    items: list[Any], found: FindingLog, *, image_ids: Set[int], category_ids: Set[int]
) -> list[Annotation]:
    """The annotations that are right. `items` is emptied on the way, to have its many entries in memory once only."""
    annotations: list[Annotation] = []
    seen: set[int] = set()
    for index, item in enumerate(items):
        items[index] = None
        annotation = _usual_annotation(item, seen, image_ids, category_ids) or _read_annotation(
            item, index, seen, found, image_ids=image_ids, category_ids=category_ids
        )
        if annotation is not None:
            annotations.append(annotation)
    return annotations


def _usual_annotation(item: object, seen: set[int], image_ids: Set[int], category_ids: Set[int]) -> Annotation | None:
    """An annotation as coco_to_bytes writes it, without attributes, as nearly all are; None for any other, which
    _read_annotation looks at closely."""
    if type(item) is not dict or item.keys() != _USUAL.keys():
        return None
    number, image_id, category_id, box, area, iscrowd = map(item.__getitem__, _USUAL)
    if not type(number) is type(image_id) is type(category_id) is type(iscrowd) is int:
        return None
    if number in seen or not 0 <= number <= MAX_ID or image_id not in image_ids or category_id not in category_ids:
        return None
    if type(box) is not list or len(box) != 4 or not _SIDES.issuperset(map(type, (*box, area))):
        return None
    x, y, width, height = box
    plain = -_FAR < x < _FAR and -_FAR < y < _FAR and 0 < width < _FAR and 0 < height < _FAR
    if not plain or iscrowd not in (0, 1) or not (0 <= area < _FAR and -0.5 <= area - width * height <= 0.5):
        return None
    seen.add(number)
    # Annotation(...) is a call in Python
    return tuple.__new__(Annotation, (number, image_id, category_id, tuple(box), float(area), iscrowd, NO_ATTRIBUTES))


def _read_annotation(
    item: dict[str, Any], index: int, seen: set[int], found: FindingLog, *, image_ids: Set[int], category_ids: Set[int]
) -> Annotation | None:
    """One annotation; None, and a finding for each wrong field, if it cannot be used."""
    annotation_id = _new_id(item, "annotations", index, seen, found)
    if annotation_id is None:
        return None
    fields: tuple[Any, ...] = (item.get("image_id"), item.get("category_id"), item.get("bbox"), item.get("iscrowd", 0))
    image_id, category_id, box, iscrowd = fields
    sound = True
    if type(image_id) is not int or image_id not in image_ids:
        found.error(
            "IMAGE_ID_UNKNOWN",
            f"Annotation {annotation_id} has the image_id {short(image_id)}, which is not among the images.",
            "Add the entry to images, or remove the annotation.",
            annotation_id=annotation_id,
            image_id=image_id if type(image_id) is int else None,
        )
        sound = False
    if type(category_id) is not int or category_id not in category_ids:
        found.error(
            "CATEGORY_ID_UNKNOWN",
            f"Annotation {annotation_id} has the category_id {short(category_id)}, which is not among the categories.",
            "Add the entry to categories, or remove the annotation.",
            annotation_id=annotation_id,
        )
        sound = False
    if type(box) is not list or len(box) != 4 or not all(map(is_number, box)):
        found.error(
            "BOX_INVALID",
            f"Annotation {annotation_id} has {short(box)} as its bbox.",
            "Write the box as four finite numbers: x, y, width, height in pixels.",
            annotation_id=annotation_id,
        )
        sound = False
    if type(iscrowd) is not int or iscrowd not in (0, 1):
        found.error(
            "ISCROWD_INVALID",
            f"Annotation {annotation_id} has {short(iscrowd)} as its iscrowd.",
            "Write 0 for a single object, 1 for a crowd.",
            annotation_id=annotation_id,
        )
        sound = False
    if not sound:
        return None
    area = _checked_area(item, box, annotation_id, found)
    if area is None:
        return None
    attributes = _texts(item.get("attributes")) or NO_ATTRIBUTES
    return Annotation(annotation_id, image_id, category_id, tuple(box), area, iscrowd, attributes)


def _checked_area(item: dict[str, Any], box: Sequence[float], annotation_id: int, found: FindingLog) -> float | None:
    """The area to go on with, None if there is none; a finding says which area is missing or wrong."""
    area, segmentation = item.get("area"), item.get("segmentation", NONE)
    of_box = max(box[2], 0) * max(box[3], 0)
    if segmentation not in (NONE, SOUND):
        found.warning(
            "SEGMENTATION_INVALID",
            f"The segmentation of annotation {annotation_id} {segmentation}.",
            "Leave it out or correct it: training uses the box only.",
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
    if not is_number(area) or area < 0:
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


def _texts(attributes: object) -> dict[str, str]:
    """The attributes that are texts; other tools write truth values and numbers there, which nothing here uses.

    One named segmentation is not theirs: condense_segmentation put its result there.
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
