"""YOLO data sets (Ultralytics' layouts) to images with boxes, classes taken by their names."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from dataset_contract.findings import FindingLog, Place
from dataset_prep.errors import PrepError
from dataset_prep.images import SUFFIXES, ImageError, ImageHeader, read_header
from dataset_prep.sources.repairs import NONE, Repairs
from dataset_prep.sources.source import Source, SourceBox, SourceImage, class_name
from dataset_prep.sources.yolo_labels import NO_AREA, OUTSIDE, TOLERANCE, Row, parse_labels
from dataset_prep.sources.yolo_layout import YoloLayout, label_path, read_layout

_NOT_LABELS = frozenset({"classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt"})
_MAX_LABEL_BYTES = 64 << 20  # of one picture: half a million boxes


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
    _check_folders(order, layout, found)
    images = []
    tolerated: Counter[str] = Counter()
    for image_id, path in enumerate(order, start=1):
        image = _read_image(image_id, path, layout, repairs=repairs, found=found, tolerated=tolerated)
        if image is not None:
            images.append(image)
        advance(1)
    for what, count in sorted(tolerated.items()):
        found.info("LABELS_TOLERATED", f"{count:,} boxes {what}.", "Nothing to do if the labels come like this.")
    return Source("yolo", images, found.findings())


def _relative(path: Path, layout: YoloLayout) -> str:
    return Path(os.path.relpath(path, layout.root)).as_posix()


def _read_image(
    image_id: int,
    path: Path,
    layout: YoloLayout,
    *,
    repairs: Repairs,
    found: FindingLog,
    tolerated: Counter[str],
) -> SourceImage | None:
    name = _relative(path, layout)
    try:
        if not path.is_file():
            raise ImageError("is no regular file")
        header = read_header(path)
    except (ImageError, OSError) as problem:
        error = f"cannot be read ({problem.strerror or problem})" if isinstance(problem, OSError) else problem
        found.error("IMAGE_BROKEN", f"{name} {error}.", "Replace the picture, or remove it and its label.", file=name)
        return None
    boxes = tuple(_read_boxes(image_id, path, header, layout, repairs=repairs, found=found, tolerated=tolerated))
    return SourceImage(image_id, path, header.width, header.height, boxes, layout.images[path])


def _read_boxes(
    image_id: int,
    path: Path,
    header: ImageHeader,
    layout: YoloLayout,
    *,
    repairs: Repairs,
    found: FindingLog,
    tolerated: Counter[str],
) -> Iterator[SourceBox]:
    labels = label_path(path)
    file = _relative(labels, layout)
    place: Place = {"file": file, "image_id": image_id}
    text = _read_labels(labels, path, file, place, found)
    for row in parse_labels(text, header.width, header.height, clip=repairs.clip):
        if not isinstance(row, Row):
            line, error = row
            if repairs.drop_zero_size and error.code == NO_AREA:
                message = f"{file}, line {line}, {error}: left out."
                found.info("BOX_DROPPED", message, "As --drop-zero-size asks.", **place)
                continue
            option = {NO_AREA: ", or give --drop-zero-size", OUTSIDE: ", or give --clip"}.get(error.code, "")
            found.error(error.code, f"{file}, line {line}, {error}.", f"Correct or remove the line{option}.", **place)
            continue
        if row.class_index not in layout.names:
            message = f"{file}, line {row.line}, has the class {row.class_index}, which has no name."
            found.error("CLASS_UNKNOWN", message, "Name all classes in data.yaml.", **place)
            continue
        if row.cut > TOLERANCE:
            message = f"{file}, line {row.line}, reaches beyond the picture: cut at its edge."
            if repairs.clip:
                found.info("BOX_CLIPPED", message, "As --clip asks.", **place)
            else:  # Ultralytics, whose format it is, takes such a box and cuts it too
                fix = "Look at the box in the report; nothing to do if it is right where it is inside."
                found.warning("BOX_CLIPPED", message, fix, **place)
        elif min(row.cut * header.width, row.cut * header.height) > _SEEN:
            tolerated["reach up to 1% beyond their picture, as Ultralytics tolerates: cut at its edge"] += 1
        if row.confidence is not None:
            tolerated["have a confidence: they are a model's predictions, and taken for the truth"] += 1
        yield SourceBox(class_name(layout.names[row.class_index]), row.bbox)


_SEEN = 0.5  # pixels; less is rounding


def _read_labels(labels: Path, image: Path, file: str, place: Place, found: FindingLog) -> str:
    """The text of a picture's label file; empty if there is none, or if it is refused, which is said."""
    try:
        if not labels.is_file():
            beside = image.with_suffix(".txt")
            if os.path.lexists(labels):
                found.error(
                    "LABEL_UNREADABLE", f"{file} is no regular file.", "Put the label file itself there.", **place
                )
            elif beside.is_file():
                message = f"The label file of {image.name} lies beside it, where YOLO does not look; it wants {file}."
                found.error("LABEL_MISPLACED", message, "Move the label files to the folder labels.", **place)
            return ""
        if (size := labels.stat().st_size) > _MAX_LABEL_BYTES:
            message = f"{file} has {size:,} bytes, more than the {_MAX_LABEL_BYTES:,} that are read."
            found.error("LABEL_TOO_LARGE", message, "Export the labels again.", **place)
            return ""
        return labels.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        found.error("LABEL_NOT_TEXT", f"{file} is not a text file.", "Export the labels again.", **place)
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror or error})."
        found.error("LABEL_UNREADABLE", message, "Make it readable, or copy it again.", **place)
    return ""


def _check_folders(images: list[Path], layout: YoloLayout, found: FindingLog) -> None:
    """Folders of pictures without a single label file, where others have some: the labels were not copied."""
    labelled: defaultdict[Path, list[bool]] = defaultdict(list)
    for path in images:
        labelled[path.parent].append(os.path.lexists(label_path(path)))
    if not any(any(flags) for flags in labelled.values()):
        return
    for folder, flags in labelled.items():
        if not any(flags):
            place = _relative(folder, layout)
            found.warning(
                "FOLDER_WITHOUT_LABELS",
                f"None of the {len(flags):,} pictures in {place} has a label file: all of them are background.",
                "Copy the folder's label files too, unless its pictures really show no object.",
                file=place,
            )


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
    stems = cache(_picture_stems)
    for labels in sorted({path for folder in folders if folder.is_dir() for path in folder.rglob("*.txt")}):
        # A picture that is in none of the splits may belong to the label file.
        if labels in expected or labels.name in _NOT_LABELS or labels.stem in stems(_image_folder(labels)):
            continue
        found.error(
            "LABEL_WITHOUT_IMAGE",
            f"{_relative(labels, layout)} has no picture of the same name.",
            "Add the picture, or remove the label file.",
            file=_relative(labels, layout),
        )


def _image_folder(labels: Path) -> Path:
    """Where the picture of a label file lies: the reverse of label_path."""
    parts = list(labels.parts[:-1])
    for index in range(len(parts) - 1, -1, -1):
        if parts[index] == "labels":
            parts[index] = "images"
            break
    return Path(*parts)


def _picture_stems(folder: Path) -> frozenset[str]:
    names = (path for path in folder.iterdir()) if folder.is_dir() else ()
    return frozenset(path.stem for path in names if path.suffix.lower() in SUFFIXES)
