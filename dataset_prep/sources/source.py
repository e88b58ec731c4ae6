"""What every source format is read into: images with their boxes, before ids, splits and files are made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dataset_contract.findings import Finding


class SourceBox(NamedTuple):
    """One object: its class by name and its box [x, y, width, height] in pixels of the image.

    A named tuple, as there are hundreds of thousands: a dataclass takes three times as long.
    """

    label: str
    bbox: tuple[float, float, float, float]
    room_type: str | None = None
    iscrowd: int = 0


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One image, as large as it will be when written (turned by EXIF), with its objects."""

    image_id: int
    path: Path
    width: int
    height: int
    boxes: tuple[SourceBox, ...]
    official_split: str | None = None
    """The split that the source itself puts it in, if it names one."""
    mismatched: bool = False
    """Its annotation seems to belong to another image; a finding says why."""
    folder: str = ""
    """As dataset_contract's Image.source_folder."""


@dataclass(frozen=True)
class Source:
    """All that was read from a source."""

    format: str
    images: list[SourceImage]
    findings: list[Finding] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    """Decisions of the reader that change the result; they go into the manifest."""
