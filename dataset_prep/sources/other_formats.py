"""Formats of annotation tools that are not read: recognised, to say how to get one that is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import filterfalse, islice
from pathlib import Path
from typing import NamedTuple

from dataset_contract.sanitise import sanitise
from dataset_prep.sources.coco_files import decode_head
from dataset_prep.sources.source_files import is_hidden

_MOST_FILES = 200  # that are looked at
_HEAD = 1 << 16  # bytes of each
_AGAIN = "export the annotations from it again as COCO or YOLO"


class _Format(NamedTuple):
    name: str
    suffix: str
    sign: re.Pattern[str]
    """What the beginning of such a file has."""
    advice: str


_FORMATS = (
    _Format(
        "LabelMe's own JSON",
        ".json",
        re.compile(r'"shapes"\s*:\s*\[.*"imagePath"\s*:|"imagePath"\s*:.*"shapes"\s*:\s*\[', re.DOTALL),
        "convert it to COCO with labelme2coco.py, in LabelMe's repository under examples/instance_segmentation, or to "
        "YOLO with the package labelme2yolo",
    ),
    _Format("VIA's own JSON", ".json", re.compile(r'"_via_img_metadata"|"shape_attributes"'), f"in VIA, {_AGAIN}"),
    _Format(
        "Label Studio's own JSON",
        ".json",
        re.compile(r'\A\s*\[.*"(?:annotations|completions)"\s*:.*"from_name"', re.DOTALL),
        f"in Label Studio, {_AGAIN}",
    ),
    _Format(
        "CreateML's JSON", ".json", re.compile(r'\A\s*\[.*"coordinates"\s*:', re.DOTALL), f"in your tool, {_AGAIN}"
    ),
    _Format("CVAT's own XML", ".xml", re.compile(r"<annotations>.*<(?:meta|image)\b", re.DOTALL), f"in CVAT, {_AGAIN}"),
    _Format(
        "Pascal VOC's XML",
        ".xml",
        re.compile(r"<annotation\b.*<(?:folder|filename|size)\b", re.DOTALL),
        f"in your tool, such as labelImg or Roboflow, {_AGAIN}",
    ),
)


def other_format(source: Path) -> str | None:
    """Which file is of which format, and what to do: a sentence without full stop. None if nothing is recognised."""
    for path in islice(_texts(source), _MOST_FILES):
        head = ""
        with suppress(OSError), path.open("rb") as file:
            head = decode_head(file.read(_HEAD))
        for known in _FORMATS:
            if path.suffix.lower() == known.suffix and known.sign.search(head):
                return f"{sanitise(path.name)} is {known.name}, which is not read: {known.advice}"
    return None


def _texts(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
    for directory, folders, names in os.walk(source):
        folders[:] = sorted(filterfalse(is_hidden, folders))
        texts = (name for name in sorted(names) if not name.startswith("."))
        yield from (Path(directory, name) for name in texts if name.lower().endswith((".json", ".xml")))
