"""YOLO data sets (Ultralytics' layouts) to images with boxes, classes taken by their names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset_contract.findings import FindingLog, Place, worst
from dataset_contract.strict_json import garbage_collection_paused
from dataset_prep.broken_images import IMAGE_BROKEN
from dataset_prep.errors import PrepError
from dataset_prep.plural import pluralise
from dataset_prep.sources.image_files import SUFFIXES
from dataset_prep.sources.repairs import NONE, Repairs
from dataset_prep.sources.source import Source, SourceBox, SourceImage
from dataset_prep.sources.source_files import decode_text
from dataset_prep.sources.yolo_checks import check_folders
from dataset_prep.sources.yolo_labels import (
    NO_AREA,
    NO_KEY_POINTS,
    OUTSIDE,
    TOLERANCE,
    Form,
    KeyPoints,
    Row,
    parse_labels,
)
from dataset_prep.sources.yolo_layout import YoloLayout, read_layout
from image_reader.header import ImageError, ImageHeader, read_header

_MAX_LABEL_BYTES = 4 << 20  # of one image: 100,000 boxes
_SEEN = 0.5  # pixels; less is rounding
_TOLERATED = {
    Form.PREDICTION: "with a confidence, a model's predictions taken for the truth",
    Form.TRACKED: "with the number of a track, which is not used",
}


def read_yolo(
    source: Path,
    classes: Sequence[str] | None,
    repairs: Repairs = NONE,
    *,
    advance: Callable[[int], None] = lambda count: None,
    limit: int | None = None,
    images: Sequence[Path] = (),
    key_points: KeyPoints | None = None,
) -> Source:
    """All images of the YOLO data set at `source` (its folder or its YAML file), ids from 1 in the paths' order.

    An image with an empty label file or none is background. `advance` is called with 1 for each image read. Nothing is
    read outside of the source's folder and the folders `images`, whose labels may be in the folders beside them.
    `key_points` are the person's word on what rows of more than six numbers are; None goes by data.yaml.

    Raises UsageError if the classes' names are unknown, PrepError if data.yaml is broken or there is no image.
    """
    found = FindingLog()
    layout = read_layout(source, classes, found, images, key_points)
    if not layout.images:
        if (first := worst(found.findings())) is not None:
            raise PrepError(f"{source} holds no images that can be read: {first.message} {first.fix}")
        raise PrepError(
            f"{source} holds no images ({', '.join(sorted(SUFFIXES))}) where a YOLO data set has them: copy them to a "
            "folder images beside labels (an export may leave images out unless asked for them)."
        )
    order = sorted(layout.images, key=layout.relative)[:limit]
    check_folders(order, layout, found)
    read = []
    reader = _Reader(layout, repairs, found)
    with garbage_collection_paused():
        for image_id, path in enumerate(order, start=1):
            image = reader.read_image(image_id, path)
            if image is not None:
                read.append(image)
            advance(1)
    _check_long_rows(reader.forms, layout, found)
    for what, count in sorted(reader.tolerated.items()):
        found.info(
            "LABELS_TOLERATED",
            f"Accepted: {pluralise(count, 'box', 'boxes')} {what}.",
            "Nothing to do if the labels come like this.",
        )
    options = {"key_points": list(layout.key_points)} if layout.key_points is not None else {}
    return Source("yolo", read, found.findings(), options)


def _check_long_rows(forms: Counter[Form], layout: YoloLayout, found: FindingLog) -> None:
    """Long rows that could all be a box and the key points in it: read as polygons, their boxes would be wrong."""
    unsure = forms[Form.POLYGON_OR_KEY_POINTS]
    if not unsure or forms[Form.POLYGON] or layout.key_points is not None:
        return
    rows = f"All {unsure:,} rows of more than six numbers could be polygons, or boxes with key points in them"
    fix = (
        "Give --key-points none for polygons, or --key-points COUNT,NUMBERS, such as 4,2, for key points (kpt_shape in "
        "data.yaml)."
    )
    if layout.config is None:
        found.error("ROWS_AMBIGUOUS", f"{rows}, and no data.yaml says which.", fix)
    else:  # where a set with key points has kpt_shape
        message = f"{rows}; they were read as polygons, since {layout.config.name} has no kpt_shape."
        found.warning("ROWS_AMBIGUOUS", message, fix)


@dataclass
class _Reader:
    """Reads the images of one data set with their boxes."""

    layout: YoloLayout
    repairs: Repairs
    found: FindingLog
    tolerated: Counter[str] = field(default_factory=Counter)
    """What was accepted as it is -> number of boxes."""
    forms: Counter[Form] = field(default_factory=Counter)
    """Of the rows that are no plain box."""

    def read_image(self, image_id: int, path: str) -> SourceImage | None:
        image_file = Path(path)
        try:
            if not image_file.is_file():
                raise ImageError("is not a regular file")
            header = read_header(image_file)
        except (ImageError, OSError) as problem:
            name = self.layout.relative(path)
            error = f"cannot be read ({problem.strerror or problem})" if isinstance(problem, OSError) else problem
            fix = getattr(problem, "fix", None) or "Replace the image, or remove it and its label."
            self.found.error(IMAGE_BROKEN, f"{name} {error}.", fix, file=name)
            return None
        boxes = tuple(self._read_boxes(image_id, path, header))
        return SourceImage(image_id, image_file, header.width, header.height, boxes, self.layout.images[path])

    def _read_boxes(self, image_id: int, path: str, header: ImageHeader) -> Iterator[SourceBox]:
        labels = self.layout.labels.find(path)
        file = self.layout.relative(labels)
        place: Place = {"file": file, "image_id": image_id}
        found, clip = self.found, self.repairs.clip
        text = _read_labels(labels, path, self.layout, place, found)
        classes, key_points = self.layout.classes, self.layout.key_points or NO_KEY_POINTS
        for row in parse_labels(text, header.width, header.height, clip=clip, key_points=key_points):
            if not isinstance(row, Row):
                line, error = row
                if self.repairs.drop_zero_size and error.code == NO_AREA:
                    message = f"{file}, line {line}, {error}: left out."
                    found.info("BOX_DROPPED", message, "Nothing to do: --drop-zero-size was given.", **place)
                    continue
                option = {NO_AREA: ", or give --drop-zero-size", OUTSIDE: ", or give --clip"}.get(error.code, "")
                fix = f"Correct or remove the line{option}."
                found.error(error.code, f"{file}, line {line}, {error}.", fix, **place)
                continue
            line, class_index, bbox, cut, form = row
            label = classes.get(class_index)
            if label is None:
                message = f"{file}, line {line}, has the class {class_index}, which has no name."
                found.error("CLASS_UNKNOWN", message, f"Name all classes in {self.layout.names_in}.", **place)
                continue
            if cut > TOLERANCE:
                message = f"{file}, line {line}, reaches beyond the image: cut at its edge."
                if clip:
                    found.info("BOX_CLIPPED", message, "Nothing to do: --clip was given.", **place)
                else:  # Ultralytics, whose format it is, takes such a box and cuts it too
                    fix = "Look at the box in the report; nothing to do if it is right where it is inside."
                    found.warning("BOX_CLIPPED", message, fix, **place)
            elif cut and min(cut * header.width, cut * header.height) > _SEEN:
                self.tolerated["up to 1% beyond the edge of the image, cut at it as by Ultralytics"] += 1
            if form is not Form.BOX:
                self.forms[form] += 1
                if form in _TOLERATED:
                    self.tolerated[_TOLERATED[form]] += 1
            yield tuple.__new__(SourceBox, (label, bbox, None, 0))  # SourceBox(...) is a call in Python


def _read_labels(labels: str, image: str, layout: YoloLayout, place: Place, found: FindingLog) -> str:
    """The text of an image's label file; empty if there is none, or if it is refused, which is a finding."""
    file = place.get("file")
    try:
        return decode_text(layout.folders.read(labels, _MAX_LABEL_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        if os.path.lexists(labels):
            message = f"{file} is a symbolic link that leads nowhere."
            found.error("LABEL_UNREADABLE", message, "Put the label file itself there.", **place)
        elif Path(image).with_suffix(".txt").is_file():
            message = (
                f"The label file of {Path(image).name} is beside it, where YOLO does not look; it should be {file}."
            )
            found.error("LABEL_MISPLACED", message, "Move the label files to the folder labels.", **place)
    except UnicodeDecodeError:
        found.error("LABEL_NOT_TEXT", f"{file} is not a text file.", "Export the labels again.", **place)
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror or error})."
        found.error("LABEL_UNREADABLE", message, "Put the label file itself there, as your tool exports it.", **place)
    return ""
