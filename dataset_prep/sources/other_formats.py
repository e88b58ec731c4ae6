"""Formats of annotation tools that are not read: recognised, to say how to get one that is."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import filterfalse, islice
from pathlib import Path
from typing import NamedTuple

from dataset_contract.sanitise import sanitise
from dataset_prep.sources.source_files import decode_head, is_hidden

_MOST_FILES = 200  # that are looked at
HEAD_LENGTH = 1 << 16
"""Bytes of a file that are looked at."""
_AGAIN = "export the annotations from it again as COCO or YOLO"


class _Format(NamedTuple):
    name: str
    suffix: str
    sign: str
    """What the beginning of such a file has: a regular expression, in which a dot is a line end too."""
    advice: str


_FORMATS = (
    _Format(
        "LabelMe's own JSON",
        ".json",
        r'"shapes"\s*:\s*\[.*"imagePath"\s*:|"imagePath"\s*:.*"shapes"\s*:\s*\[',
        "convert it to COCO with labelme2coco.py, in LabelMe's repository under examples/instance_segmentation, or to "
        "YOLO with the package labelme2yolo",
    ),
    _Format("VIA's own JSON", ".json", '"_via_img_metadata"|"shape_attributes"', f"in VIA, {_AGAIN}"),
    _Format("VIA's own CSV", ".csv", "region_shape_attributes", f"in VIA, {_AGAIN}"),
    _Format(
        "Label Studio's own JSON",
        ".json",
        r'\A\s*\[.*(?:"from_name"|"(?:rectangle|polygon|brush)labels")',
        f"in Label Studio, {_AGAIN}",
    ),
    _Format("CreateML's JSON", ".json", r'\A\s*\[.*"coordinates"\s*:', f"in your tool, {_AGAIN}"),
    _Format(
        "a list of COCO's results",
        ".json",
        r'\A\s*\[\s*\{[^{}]*"image_id"\s*:',
        "it holds what a model found; give the COCO file that it belongs to, with images and categories",
    ),
    _Format(
        "Datumaro's own JSON",
        ".json",
        r'"dm_format_version"|"categories"\s*:\s*\{\s*"label"\s*:',
        f"in Datumaro or your tool, {_AGAIN}",
    ),
    _Format(
        "Supervisely's own JSON", ".json", '"classTitle"|"geometryType"|"projectType"', f"in Supervisely, {_AGAIN}"
    ),
    _Format("V7 Darwin's own JSON", ".json", '"schema_ref"[^,]*darwin|"slot_names"', f"in V7 Darwin, {_AGAIN}"),
    _Format(
        "Ultralytics' NDJSON",
        ".ndjson",
        r'"type"\s*:\s*"dataset"',
        "make a YOLO data set of it, with its images, by convert_ndjson_to_yolo of ultralytics.data.converter",
    ),
    _Format("CVAT's own XML", ".xml", r"<annotations>.*<(?:meta|image)\b", f"in CVAT, {_AGAIN}"),
    _Format(
        "Pascal VOC's XML",
        ".xml",
        r"<annotation\b.*<(?:folder|filename|size)\b",
        f"in your tool, such as labelImg or Roboflow, {_AGAIN}",
    ),
    _Format(
        "TensorFlow's CSV",
        ".csv",
        r"(?i)\A[^\n]{0,100}filename,[^\n]{0,200}xmin",
        f"in your tool, such as Roboflow, {_AGAIN}",
    ),
    _Format(
        "a list of boxes for YOLOv4 and Keras",
        ".txt",
        r"\A\S[^\n]*\.\w+ \d+,\d+,\d+,\d+,\d+\b",
        f"in your tool, such as Roboflow, {_AGAIN}",
    ),
    _Format("TensorFlow's TFRecord", ".tfrecord", "", f"in your tool, such as Roboflow, {_AGAIN}"),
)
_ARCHIVES = tuple(
    _Format("an archive", suffix, "", "unpack it, and give the folder with --source")
    for suffix in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
)


def other_format(source: Path) -> str | None:
    """Which file is of which format, and what to do: a sentence without full stop. None if nothing is recognised."""
    for formats in (_FORMATS, _ARCHIVES):  # of what was unpacked, the archive may still be there
        for path in islice(_candidates(source, {known.suffix for known in formats}), _MOST_FILES):
            head = b""
            with suppress(OSError), path.open("rb") as file:
                head = file.read(HEAD_LENGTH)
            if (recognised := other_format_of(path, head, formats)) is not None:
                return recognised
    return None


def other_format_of(path: Path, head: bytes, formats: Sequence[_Format] = _FORMATS) -> str | None:
    """As other_format, of one file that begins with `head`, HEAD_LENGTH bytes as a rule."""
    text, suffix = decode_head(head), path.suffix.lower()
    for known in formats:
        if suffix == known.suffix and re.search(known.sign, text, re.DOTALL):
            return f"{sanitise(path.name)} is {known.name}, which is not read: {known.advice}"
    return None


def _candidates(source: Path, suffixes: Collection[str]) -> Iterator[Path]:
    if source.is_file():
        yield source
    for directory, folders, names in os.walk(source):
        folders[:] = sorted(filterfalse(is_hidden, folders))
        paths = (Path(directory, name) for name in sorted(names) if not name.startswith("."))
        yield from (path for path in paths if path.suffix.lower() in suffixes)
