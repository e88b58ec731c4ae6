"""YOLO data sets (Ultralytics' layouts) to images with boxes, classes taken by their names."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dataset_contract.findings import FindingLog
from dataset_prep.errors import PrepError
from dataset_prep.images import SUFFIXES, ImageError, ImageHeader, read_header
from dataset_prep.sources.repairs import NONE, Repairs
from dataset_prep.sources.source import Source, SourceBox, SourceImage, class_name
from dataset_prep.sources.yolo_labels import NoAreaError, Row, parse_labels
from dataset_prep.sources.yolo_layout import YoloLayout, label_path, read_layout

_NOT_LABELS = frozenset({"classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt"})


def read_yolo(
    source: Path,
    classes: Sequence[str] | None,
    repairs: Repairs = NONE,
    *,
    advance: Callable[[int], None] = lambda count: None,
    limit: int | None = None,
) -> Source:
    """All pictures of the YOLO data set at `source` (its folder or its YAML file), ids from 1 in the paths' order.

    A picture with an empty label file or none is background. `advance` is called with 1 for each picture read.

    Raises UsageError if the classes' names are unknown, PrepError if data.yaml is broken or there is no picture.
    """
    found = FindingLog()
    layout = read_layout(source, classes, found)
    if not layout.images:
        raise PrepError(f"{source} holds no pictures ({', '.join(sorted(SUFFIXES))}) where a YOLO data set has them.")
    order = sorted(layout.images, key=lambda path: _relative(path, layout))[:limit]
    _check_stems(order, layout, found)
    _check_orphans(layout, found)
    images = []
    for image_id, path in enumerate(order, start=1):
        image = _read_image(image_id, path, layout, repairs, found)
        if image is not None:
            images.append(image)
        advance(1)
    return Source("yolo", images, found.findings())


def _relative(path: Path, layout: YoloLayout) -> str:
    return Path(os.path.relpath(path, layout.root)).as_posix()


def _read_image(
    image_id: int, path: Path, layout: YoloLayout, repairs: Repairs, found: FindingLog
) -> SourceImage | None:
    name = _relative(path, layout)
    try:
        header = read_header(path)
    except ImageError as error:
        found.error("IMAGE_BROKEN", f"{name} {error}.", "Replace the picture, or remove it and its label.", file=name)
        return None
    boxes = tuple(_read_boxes(image_id, path, header, layout, repairs=repairs, found=found))
    return SourceImage(image_id, path, header.width, header.height, boxes, layout.images[path])


def _read_boxes(
    image_id: int, path: Path, header: ImageHeader, layout: YoloLayout, *, repairs: Repairs, found: FindingLog
) -> Iterator[SourceBox]:
    labels = label_path(path)
    if not labels.is_file():
        return
    file = _relative(labels, layout)
    try:
        text = labels.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        found.error(
            "LABEL_NOT_TEXT", f"{file} is not a text file.", "Export the labels again.", file=file, image_id=image_id
        )
        return
    for row in parse_labels(text, header.width, header.height, clip=repairs.clip):
        if not isinstance(row, Row):
            line, error = row
            if repairs.drop_zero_size and isinstance(error, NoAreaError):
                found.info(
                    "BOX_DROPPED",
                    f"{file}, line {line}, {error}: left out.",
                    "As --drop-zero-size asks.",
                    file=file,
                    image_id=image_id,
                )
                continue
            found.error(
                "LABEL_BROKEN",
                f"{file}, line {line}, {error}.",
                "Correct or remove the line.",
                file=file,
                image_id=image_id,
            )
            continue
        if row.class_index not in layout.names:
            found.error(
                "CLASS_UNKNOWN",
                f"{file}, line {row.line}, has the class {row.class_index}, which has no name.",
                "Name all classes in data.yaml.",
                file=file,
                image_id=image_id,
            )
            continue
        if row.clipped:
            (found.info if repairs.clip else found.warning)(
                "BOX_CLIPPED",
                f"{file}, line {row.line}, reaches beyond the picture: cut at its edge.",
                "As --clip asks."
                if repairs.clip
                else "Look at the box in the report; nothing to do if it is right where it is inside.",
                file=file,
                image_id=image_id,
            )
        yield SourceBox(class_name(layout.names[row.class_index]), row.bbox)


def _check_stems(images: list[Path], layout: YoloLayout, found: FindingLog) -> None:
    by_label = defaultdict(list)
    for path in images:
        by_label[label_path(path)].append(path)
    for labels, paths in by_label.items():
        if len(paths) > 1:
            found.warning(
                "LABEL_SHARED",
                f"{' and '.join(path.name for path in paths)} share the label file {_relative(labels, layout)}.",
                "Remove one of the pictures if they show the same.",
                file=_relative(labels, layout),
            )


def _check_orphans(layout: YoloLayout, found: FindingLog) -> None:
    """Label files without a picture: the picture was lost, or is called otherwise."""
    folders = {label_path(path).parent for path in layout.images}
    folders |= {path for path in layout.root.rglob("labels") if path.is_dir()}
    expected = {label_path(path) for path in layout.images}
    for labels in sorted({path for folder in folders if folder.is_dir() for path in folder.rglob("*.txt")}):
        if labels in expected or labels.name in _NOT_LABELS or _has_image(labels):
            continue
        found.error(
            "LABEL_WITHOUT_IMAGE",
            f"{_relative(labels, layout)} has no picture of the same name.",
            "Add the picture, or remove the label file.",
            file=_relative(labels, layout),
        )


def _has_image(labels: Path) -> bool:
    """True if a picture that is in none of the splits belongs to the label file."""
    parts = list(labels.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "labels":
            parts[index] = "images"
            break
    folder = Path(*parts).parent
    return folder.is_dir() and any(
        path.stem == labels.stem and path.suffix.lower() in SUFFIXES for path in folder.iterdir()
    )
