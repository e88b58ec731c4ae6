"""Polygons and masks of a COCO annotation: checked while the file is read, then dropped to save memory."""

from __future__ import annotations

from typing import Any

from dataset_contract.strict_json import is_number

NONE = ""
"""The annotation has no polygon or mask."""
SOUND = "sound"
"""The annotation has one that is sound."""


def condense_segmentation(item: dict[str, Any]) -> None:
    """Replace an object's `segmentation` by NONE, SOUND, or what is wrong with it (end of a sentence)."""
    if "segmentation" in item:
        segmentation = item["segmentation"]
        condensed = _condense(segmentation)
        if condensed == SOUND and isinstance(segmentation, list):
            condensed = _beside_box(segmentation, item.get("bbox")) or SOUND
        item["segmentation"] = condensed


def _condense(segmentation: object) -> str:
    if segmentation is None or segmentation == []:
        return NONE
    if isinstance(segmentation, dict):
        return _condense_mask(segmentation)
    if not isinstance(segmentation, list):
        return "is neither a list of polygons nor a mask"
    return next(filter(None, map(_polygon_problem, segmentation)), SOUND)


def _polygon_problem(polygon: object) -> str | None:
    if not isinstance(polygon, list):
        return "holds a polygon that is not a list of numbers"
    if len(polygon) < 6 or len(polygon) % 2:
        return f"holds a polygon of {len(polygon)} numbers; it takes an even number, 6 or more"
    if not all(map(is_number, polygon)):
        return "holds something that is not a finite number"
    return None


def _beside_box(polygons: list[list[float]], bbox: object) -> str | None:
    """What is wrong if `bbox` is not the bounding box of the sound `polygons`."""
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(is_number, bbox)):
        return None  # the box's own finding says so
    x, y, width, height = bbox
    tolerance = max(2.0, 0.05 * max(width, height))
    if (
        abs(min(min(polygon[::2]) for polygon in polygons) - x) > tolerance
        or abs(min(min(polygon[1::2]) for polygon in polygons) - y) > tolerance
        or abs(max(max(polygon[::2]) for polygon in polygons) - x - width) > tolerance
        or abs(max(max(polygon[1::2]) for polygon in polygons) - y - height) > tolerance
    ):
        return "does not have the bbox around it"
    return None


def _condense_mask(mask: dict[str, Any]) -> str:
    size, counts = mask.get("size"), mask.get("counts")
    if not (isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)):
        return "is a mask without a size"
    if not isinstance(counts, str | list):
        return "is a mask without counts"
    if isinstance(counts, list) and not all(type(count) is int and count >= 0 for count in counts):
        return "is a mask whose counts are not whole numbers from 0 on"
    if isinstance(counts, list) and sum(counts) != size[0] * size[1]:
        return "is a mask whose counts do not add up to the pixels of its size"
    return SOUND
