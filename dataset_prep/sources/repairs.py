"""Repairs boxes where a person asked for it, and reports each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dataset_contract.findings import FindingLog
from dataset_prep.rounding import rounded
from dataset_prep.sources.source import Source, SourceBox, SourceImage

_ROUNDING = 0.01  # pixels; what reaches no further beyond the image needs no repair


@dataclass(frozen=True)
class Repairs:
    """Which boxes to repair; without, they are findings and refused where they would teach wrong things."""

    clip: bool = False
    """Cut boxes at their image's edge, if most of their area is inside."""
    drop_zero_size: bool = False
    """Leave out boxes without width or height."""


NONE = Repairs()


def repair(source: Source, repairs: Repairs) -> Source:
    """`source` with its boxes repaired as `repairs` say, and a finding for each repaired box."""
    found = FindingLog()
    images = [replace(image, boxes=tuple(_repaired(image, repairs, found))) for image in source.images]
    return replace(source, images=images, findings=[*source.findings, *found.findings()])


def take_crowds_as_objects(source: Source) -> Source:
    """`source` with each box that is marked as a crowd as an object like any other, and a finding with their number."""
    found = FindingLog()
    images = [replace(image, boxes=tuple(box._replace(iscrowd=0) for box in image.boxes)) for image in source.images]
    if crowds := sum(box.iscrowd for image in source.images for box in image.boxes):
        found.info(
            "CROWDS_AS_OBJECTS",
            f"{crowds:,} boxes that are marked as crowds (iscrowd 1) were taken as objects.",
            "As --crowds objects asks.",
        )
    findings, options = [*source.findings, *found.findings()], {**source.options, "crowds": "objects"}
    return replace(source, images=images, findings=findings, options=options)


def _repaired(image: SourceImage, repairs: Repairs, found: FindingLog) -> Iterator[SourceBox]:
    for box in image.boxes:
        if box.bbox[2] <= 0 or box.bbox[3] <= 0:
            if repairs.drop_zero_size:
                found.info(
                    "BOX_DROPPED",
                    f"Image {image.image_id}: the {box.label} {_text(box.bbox)} has no area and was left out.",
                    "Nothing to do: --drop-zero-size was given.",
                    image_id=image.image_id,
                )
            else:
                yield box
            continue
        cut = _cut(box.bbox, image) if repairs.clip else box.bbox
        if cut != box.bbox:
            found.info(
                "BOX_CLIPPED",
                f"Image {image.image_id}: the {box.label} {_text(box.bbox)} was cut at the edge of its "
                f"{image.width} x {image.height} image.",
                "Nothing to do: --clip was given.",
                image_id=image.image_id,
            )
        yield box._replace(bbox=cut)


def _cut(bbox: tuple[float, float, float, float], image: SourceImage) -> tuple[float, float, float, float]:
    """The part of a box inside its image. A box that is mostly outside stays as it is: it is likely to be in another
    scale or format, which cutting would only hide."""
    x, y, width, height = bbox
    left, top = max(x, 0.0), max(y, 0.0)
    inside_x, inside_y = min(x + width, image.width) - left, min(y + height, image.height) - top
    over = max(width - inside_x, height - inside_y)
    if over <= _ROUNDING or min(inside_x, inside_y) <= 0 or inside_x * inside_y < width * height / 2:
        return bbox
    return left, top, rounded(inside_x) or inside_x, rounded(inside_y) or inside_y  # never to 0


def _text(bbox: tuple[float, float, float, float]) -> str:
    return f"[{', '.join(f'{number:g}' for number in bbox)}]"
