"""The COCO data of one split as types: what prep, checks and trainer hand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

NO_ATTRIBUTES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Image:
    """One image."""

    id: int
    file_name: str
    """Relative to the split's folder: images/000001.png."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    source_folder: str = ""
    """The folder of its source, such as high_quality; empty where that is not known. As short as a class's name."""


class Annotation(NamedTuple):
    """One box on an image. A named tuple: of hundreds of thousands, a dataclass takes three times as long for each."""

    id: int
    """Unique over all splits."""
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    """x, y of the top left corner, width, height: pixels of that image."""
    area: float
    """Square pixels: of the polygon where there is one, else of the box."""
    iscrowd: int = 0
    attributes: Mapping[str, str] = NO_ATTRIBUTES
    """Further facts, such as {"room_type": "Kitchen"}."""


@dataclass(frozen=True, slots=True)
class Category:
    """One class of objects. Its name is what counts; its id differs from data set to data set."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class CocoDataset:
    """The content of one COCO file."""

    images: Sequence[Image]
    annotations: Sequence[Annotation]
    categories: Sequence[Category]
