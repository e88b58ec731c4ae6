"""Whether boxes are plausible on their images: empty, outside, in another format, duplicates, too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from dataset_contract.coco_types import Annotation, CocoDataset, Image
from dataset_contract.findings import Finding, FindingLog, Place
from dataset_contract.strict_json import garbage_collection_paused

ROUNDING = 0.01
"""Pixels by which a box may reach beyond its image without a finding: what rounding of its numbers explains."""
OVERHANG = 0.01
"""Share of the image's side by which a box may reach beyond it with a warning only; Ultralytics tolerates as much."""
SLIVER = 1.0
"""Pixels: a thinner box vanishes when the image is made smaller."""
WHOLE_IMAGE = 0.99
"""Share of the image's area from which a box counts as covering all of it."""
SAME_BOX = 0.99
"""Intersection over union from which two boxes of one class are the same object."""

_ENOUGH = 20
"""Number of boxes from which something that is true of all of them is not a coincidence."""
_MANY_ON_IMAGE = 5
"""Number of boxes from which two images with exactly the same boxes cannot show two plans."""
_SAMPLE = 20_000
"""Number of annotations that is enough for a median."""
_SHIFT = 1 - SAME_BOX
"""Share of its width by which a box may start later and still coincide."""
_NEIGHBOURS = 50
"""How many boxes that start at the same x are compared with one: thousands of them must not cost their square."""

_Box = tuple[int, float, float, float, float, int, int]
"""category_id, x, y, width, height, annotation id, iscrowd. In this order sorting puts duplicates side by side."""


def check_annotations(
    dataset: CocoDataset, *, split: str | None = None, file: str | None = None, max_objects_per_image: int | None = None
) -> list[Finding]:
    """What is wrong with the boxes of `dataset`, as parse_coco returned it.

    Args:
        dataset: every annotation's image is among its images.
        split: how findings name the split.
        file: how findings name the file.
        max_objects_per_image: the model's number of queries, if known.
    """
    found = FindingLog(split=split, file=file)
    images = {image.id: image for image in dataset.images}
    with garbage_collection_paused():
        boxes = _check_boxes(dataset.annotations, images, found)
        for image_id, on_image in boxes.items():
            _check_image(images[image_id], on_image, max_objects_per_image, found)
        _check_repeated(boxes, found)
        _check_thickness(dataset, found)
    background = len(images) - len(boxes)
    if background:
        found.info(
            "BACKGROUND_IMAGES",
            f"{background:,} of {len(images):,} images have no annotations: they teach what is not an object.",
            "Nothing to do if they really show none; --drop-empty leaves them out.",
        )
    return found.findings()


def _check_boxes(
    annotations: Sequence[Annotation], images: Mapping[int, Image], found: FindingLog
) -> dict[int, list[_Box]]:
    """Check each box by itself; return the boxes by image id. The hot loop: only an unusual box costs a call."""
    frames = {  # the right and lower bound, and the largest usual area
        image.id: (image.width + ROUNDING, image.height + ROUNDING, WHOLE_IMAGE * image.width * image.height)
        for image in images.values()
    }
    boxes: dict[int, list[_Box]] = {}
    normalised = as_corners = 0
    for annotation in annotations:
        annotation_id, image_id, category_id, (x, y, width, height), _, iscrowd, _ = annotation
        right, bottom, whole = frames[image_id]
        if (
            x < -ROUNDING
            or y < -ROUNDING
            or x + width > right
            or y + height > bottom
            or width < SLIVER
            or height < SLIVER
            or width * height >= whole
            or iscrowd
        ):
            _check_unusual(annotation, images[image_id], found)
            normalised += 0 <= x <= 1 and 0 <= y <= 1 and 0 < width <= 1 and 0 < height <= 1
        as_corners += x < width and y < height
        on_image = boxes.get(image_id)
        if on_image is None:
            on_image = boxes[image_id] = []
        on_image.append((category_id, x, y, width, height, annotation_id, iscrowd))
    if normalised > len(annotations) / 2:
        found.error(
            "BOXES_LOOK_NORMALISED",
            f"{normalised:,} of {len(annotations):,} boxes have no number above 1: fractions of the image, not pixels.",
            "Multiply them by the image's width and height.",
        )
    if len(annotations) >= _ENOUGH and as_corners == len(annotations):
        found.warning(
            "BOXES_LOOK_XYXY",
            f"All {len(annotations):,} boxes end beyond twice their start, as two corners, x1, y1, x2, y2, would.",
            "COCO boxes are x, y, width, height: look at some in the report, and subtract the corners if need be.",
        )
    return boxes


def _check_unusual(annotation: Annotation, image: Image, found: FindingLog) -> None:
    """Report what is wrong with one box."""
    x, y, width, height = annotation.bbox
    text = f"[{x:g}, {y:g}, {width:g}, {height:g}]"
    subject = f"Annotation {annotation.id} on image {image.id}"
    overhang = max(-x / image.width, -y / image.height, (x + width) / image.width - 1, (y + height) / image.height - 1)
    pixels = max(-x, -y, x + width - image.width, y + height - image.height)
    place: Place = {"image_id": image.id, "annotation_id": annotation.id}
    if annotation.iscrowd:
        found.warning(
            "CROWD",
            f"{subject} is marked as a crowd (iscrowd 1), which is not trained as an object.",
            "Set iscrowd to 0 if it is a single object; dataset_prep/run.py --crowds objects does it for all.",
            **place,
        )
    if width <= 0 or height <= 0:
        found.error(
            "BOX_EMPTY", f"{subject} has a box without area: {text}.", "Correct its size, or remove it.", **place
        )
    elif overhang > OVERHANG and 0 <= x < width <= image.width + 1 and 0 <= y < height <= image.height + 1:
        found.error(
            "BOX_LOOKS_XYXY",
            f"{subject} has the box {text}, which fits its image only as two corners, x1, y1, x2, y2.",
            "COCO boxes are x, y, width, height: subtract the first corner from the second.",
            **place,
        )
    elif pixels > 1 and overhang > OVERHANG:
        found.error(
            "BOX_OUTSIDE_IMAGE",
            f"{subject} has the box {text}, {pixels:g} pixels beyond its {image.width}x{image.height} image.",
            "Check that boxes and images have the same scale; if so, clip the box to the image.",
            **place,
        )
    elif pixels > ROUNDING:
        found.warning(
            "BOX_OVER_EDGE",
            f"{subject} has the box {text}, slightly beyond the edge of its {image.width}x{image.height} image.",
            "Clip the box to the image.",
            **place,
        )
    if 0 < min(width, height) < SLIVER:
        found.warning(
            "BOX_SLIVER",
            f"{subject} has a box thinner than {SLIVER:g} pixel: {text}.",
            "Check whether it is an object at all; if not, remove it.",
            **place,
        )
    if overhang <= OVERHANG and width * height >= WHOLE_IMAGE * image.width * image.height:
        found.warning(
            "BOX_WHOLE_IMAGE",
            f"{subject} has a box that covers the whole image: {text}.",
            "Check whether it is an object; annotation tools leave such boxes behind.",
            **place,
        )


def _check_image(image: Image, boxes: list[_Box], max_objects: int | None, found: FindingLog) -> None:
    objects = sorted(box for box in boxes if not box[6])
    if max_objects is not None and len(objects) > max_objects:
        found.warning(
            "TOO_MANY_OBJECTS",
            f"Image {image.id} has {len(objects):,} objects; the model can find {max_objects:,} on an image.",
            "Train with more queries, or cut the image into parts.",
            image_id=image.id,
        )
    _check_duplicates(image, objects, found)


def _check_duplicates(image: Image, boxes: list[_Box], found: FindingLog) -> None:
    """Find boxes that are the same object as one before them. `boxes` are sorted."""
    for following, (box, neighbour) in enumerate(pairwise(boxes), start=1):
        if neighbour[1] > box[1] + _SHIFT * box[3] or neighbour[0] != box[0]:  # as nearly always
            continue
        other = _same_among(box, boxes[following : following + _NEIGHBOURS])
        if other is not None:
            found.warning(
                "DUPLICATE_BOX",
                f"Annotations {box[5]} and {other[5]} on image {image.id} have the same class and box.",
                "Keep one of them: the model learns to find such an object twice.",
                image_id=image.id,
                annotation_id=other[5],
            )


def _same_among(box: _Box, neighbours: Sequence[_Box]) -> _Box | None:
    """The first of `neighbours`, which follow `box` in their order, that nearly coincides with it."""
    farthest = box[1] + _SHIFT * box[3]
    for other in neighbours:
        if other[1] > farthest or other[0] != box[0]:
            break
        if _is_same(box, other):
            return other
    return None


def _is_same(one: _Box, other: _Box) -> bool:
    """Whether two boxes of one class nearly coincide."""
    _, x, y, width, height, *_ = one
    _, other_x, other_y, other_width, other_height, *_ = other
    across = min(x + width, other_x + other_width) - max(x, other_x)
    down = min(y + height, other_y + other_height) - max(y, other_y)
    both = across * down
    return across > 0 and down > 0 and both >= SAME_BOX * (width * height + other_width * other_height - both)


def _check_repeated(boxes: Mapping[int, list[_Box]], found: FindingLog) -> None:
    """Find images that have the very boxes of another one: a converter that wrote one plan's boxes to many."""
    seen: dict[tuple[object, ...], int] = {}
    for image_id, on_image in boxes.items():
        if len(on_image) < _MANY_ON_IMAGE:
            continue
        key = (len(on_image), *(box[:5] for box in on_image[:_MANY_ON_IMAGE]))
        other = seen.setdefault(key, image_id)
        if other != image_id and [box[:5] for box in boxes[other]] == [box[:5] for box in on_image]:
            found.warning(
                "SAME_BOXES_TWICE",
                f"Images {other} and {image_id} have the very same {len(on_image):,} boxes.",
                "Check which of them the boxes belong to; if both show the same plan, keep one.",
                image_id=image_id,
            )


def _check_thickness(dataset: CocoDataset, found: FindingLog) -> None:
    """Find swapped classes: the boxes of walls are thin, those of rooms are not."""
    ids = {category.name.strip().casefold().removesuffix("s"): category.id for category in dataset.categories}
    if not {"wall", "room"} <= ids.keys():
        return
    thickness: dict[int, list[float]] = {ids["wall"]: [], ids["room"]: []}
    for annotation in dataset.annotations[:_SAMPLE]:
        sides = thickness.get(annotation.category_id)
        if sides is not None:
            sides.append(min(annotation.bbox[2:]))
    walls, rooms = thickness[ids["wall"]], thickness[ids["room"]]
    if min(len(walls), len(rooms)) >= _ENOUGH and median(walls) > 2 * median(rooms):
        found.warning(
            "CLASSES_LOOK_SWAPPED",
            f"Walls are {median(walls):g} pixels thick, rooms {median(rooms):g} (medians): the classes seem swapped.",
            "Look at both in the report, and check which index or id of the source means which class.",
        )
