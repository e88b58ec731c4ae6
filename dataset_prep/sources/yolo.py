"""YOLO data sets (Ultralytics' layouts) to images with boxes, classes taken by their names."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dataset_contract.findings import FindingLog, Place
from dataset_contract.strict_json import garbage_collection_paused
from dataset_prep.broken_images import IMAGE_BROKEN
from dataset_prep.errors import PrepError
from dataset_prep.plural import pluralise
from dataset_prep.sources.image_files import SUFFIXES
from dataset_prep.sources.repairs import NONE, Repairs
from dataset_prep.sources.source import Source, SourceBox, SourceImage
from dataset_prep.sources.source_files import report_linked_folder
from dataset_prep.sources.yolo_labels import NO_AREA, OUTSIDE, TOLERANCE, Row, parse_labels
from dataset_prep.sources.yolo_layout import YoloLayout, find_label, label_path, read_layout
from image_reader.header import ImageError, ImageHeader, read_header

_NOT_LABELS = frozenset({"classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt"})
_MAX_LABEL_BYTES = 4 << 20  # of one image: 100,000 boxes
_SEEN = 0.5  # pixels; less is rounding


def read_yolo(
    source: Path,
    classes: Sequence[str] | None,
    repairs: Repairs = NONE,
    *,
    advance: Callable[[int], None] = lambda count: None,
    limit: int | None = None,
    images: Sequence[Path] = (),
) -> Source:
    """All images of the YOLO data set at `source` (its folder or its YAML file), ids from 1 in the paths' order.

    An image with an empty label file or none is background. `advance` is called with 1 for each image read. Nothing is
    read outside of the source's folder and the folders `images`, whose labels may be in the folders beside them.

    Raises UsageError if the classes' names are unknown, PrepError if data.yaml is broken or there is no image.
    """
    found = FindingLog()
    layout = read_layout(source, classes, found, images)
    if not layout.images:
        if refusals := found.findings():
            raise PrepError(f"{source} holds no images that can be read: {refusals[0].message} {refusals[0].fix}")
        raise PrepError(f"{source} holds no images ({', '.join(sorted(SUFFIXES))}) where a YOLO data set has them.")
    order = sorted(layout.images, key=layout.relative)[:limit]
    _check_stems(order, layout, found)
    _check_orphans(layout, found)
    _check_folders(order, layout, found)
    read = []
    reader = _Reader(layout, repairs, found)
    with garbage_collection_paused():
        for image_id, path in enumerate(order, start=1):
            image = reader.read_image(image_id, path)
            if image is not None:
                read.append(image)
            advance(1)
    for what, count in sorted(reader.tolerated.items()):
        found.info(
            "LABELS_TOLERATED",
            f"Accepted: {pluralise(count, 'box', 'boxes')} {what}.",
            "Nothing to do if the labels come like this.",
        )
    return Source("yolo", read, found.findings())


@dataclass
class _Reader:
    """Reads the images of one data set with their boxes."""

    layout: YoloLayout
    repairs: Repairs
    found: FindingLog
    tolerated: Counter[str] = field(default_factory=Counter)
    """What was accepted as it is -> number of boxes."""

    def read_image(self, image_id: int, path: str) -> SourceImage | None:
        image_file = Path(path)
        try:
            if not image_file.is_file():
                raise ImageError("is not a regular file")
            header = read_header(image_file)
        except (ImageError, OSError) as problem:
            name = self.layout.relative(path)
            error = f"cannot be read ({problem.strerror or problem})" if isinstance(problem, OSError) else problem
            fix = "Replace the image, or remove it and its label."
            self.found.error(IMAGE_BROKEN, f"{name} {error}.", fix, file=name)
            return None
        boxes = tuple(self._read_boxes(image_id, path, header))
        return SourceImage(image_id, image_file, header.width, header.height, boxes, self.layout.images[path])

    def _read_boxes(self, image_id: int, path: str, header: ImageHeader) -> Iterator[SourceBox]:
        labels = find_label(path)
        file = self.layout.relative(labels)
        place: Place = {"file": file, "image_id": image_id}
        found, clip = self.found, self.repairs.clip
        text = _read_labels(labels, path, self.layout, place, found)
        classes = self.layout.classes
        for row in parse_labels(text, header.width, header.height, clip=clip):
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
            line, class_index, bbox, cut, confidence = row
            label = classes.get(class_index)
            if label is None:
                message = f"{file}, line {line}, has the class {class_index}, which has no name."
                found.error("CLASS_UNKNOWN", message, "Name all classes in data.yaml.", **place)
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
            if confidence is not None:
                self.tolerated["with a confidence, a model's predictions taken for the truth"] += 1
            yield tuple.__new__(SourceBox, (label, bbox, None, 0))  # SourceBox(...) is a call in Python


def _read_labels(labels: str, image: str, layout: YoloLayout, place: Place, found: FindingLog) -> str:
    """The text of an image's label file; empty if there is none, or if it is refused, which is a finding."""
    file = place.get("file")
    try:
        return layout.folders.read(labels, _MAX_LABEL_BYTES).decode("utf-8-sig")
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


def _check_folders(images: Sequence[str], layout: YoloLayout, found: FindingLog) -> None:
    """Folders of images without a single label file: the labels were not copied, or are where YOLO does not look."""
    labelled: defaultdict[str, list[bool]] = defaultdict(list)
    for path in images:
        labelled[_folder(path)].append(os.path.lexists(find_label(path)))
    if not any(any(flags) for flags in labelled.values()):
        if len(images) < len(layout.images):  # the first few may well show nothing
            return
        found.warning(
            "LABELS_ABSENT",
            f"None of the {len(images):,} images has a label file; that of {layout.relative(images[0])} would be "
            f"{layout.relative(label_path(images[0]))}.",
            "Copy the label files to where YOLO looks for them, folders called labels, in small letters beside images.",
        )
        return
    for folder, flags in labelled.items():
        if not any(flags):
            place = layout.relative(folder or os.curdir)
            found.warning(
                "FOLDER_WITHOUT_LABELS",
                f"None of the {len(flags):,} images in {place} has a label file: all of them are background.",
                "Copy the folder's label files too, unless its images really show no object.",
                file=place,
            )


def _folder(path: str) -> str:
    return os.path.dirname(path)  # noqa: PTH120  as in label_path


def _check_stems(images: Sequence[str], layout: YoloLayout, found: FindingLog) -> None:
    by_label = defaultdict(list)
    for path in images:
        by_label[label_path(path)].append(path)
    for labels, paths in by_label.items():
        if len(paths) > 1:
            found.warning(
                "LABEL_SHARED",
                f"{' and '.join(Path(path).name for path in paths)} share the label file {layout.relative(labels)}.",
                "Remove one of the images if they show the same.",
                file=layout.relative(labels),
            )


def _check_orphans(layout: YoloLayout, found: FindingLog) -> None:
    """Label files without an image: the image was lost, or has another name."""
    folders = set(map(_folder, map(label_path, layout.images)))
    for directory, inner, _ in _walk(str(layout.root)):
        folders |= {os.path.join(directory, name) for name in inner if name == "labels"}  # noqa: PTH118
    expected = set(map(find_label, layout.images))
    stems = cache(_image_stems)
    linked = {folder for folder in folders if not layout.folders.hold(folder)}
    for folder in sorted(filter(os.path.lexists, linked)):
        report_linked_folder(layout.relative(folder), found)
    others = {path for folder in folders - linked for path in _texts_below(folder)} - expected
    for labels in sorted(map(Path, others)):
        place = layout.relative(str(labels))
        if labels.name in _NOT_LABELS:
            continue
        if labels.stem in stems(_image_folder(labels)):  # it may belong to an image that is in none of the splits
            if labels.suffix != ".txt":
                message = f"{place} is not read: YOLO's label files end in .txt, in small letters."
                found.error("LABEL_MISPLACED", message, "Rename it.", file=place)
            continue
        found.error(
            "LABEL_WITHOUT_IMAGE",
            f"{place} has no image of the same name.",
            "Add the image, or remove the label file.",
            file=place,
        )


def _texts_below(folder: str) -> Iterator[str]:
    for directory, folders, names in _walk(folder):
        for name in (*folders, *names):
            if name.lower().endswith(".txt"):
                yield os.path.join(directory, name)  # noqa: PTH118


def _walk(folder: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As os.walk, with paths as a Path spells them: those in `.` without it."""
    for directory, folders, names in os.walk(folder or os.curdir):
        plain = "" if directory == os.curdir else directory.removeprefix(f"{os.curdir}{os.sep}")
        yield plain, folders, names


def _image_folder(labels: Path) -> Path:
    """Where the image of a label file is: the reverse of label_path."""
    parts = list(labels.parts[:-1])
    for index in range(len(parts) - 1, -1, -1):
        if parts[index] == "labels":
            parts[index] = "images"
            break
    return Path(*parts)


def _image_stems(folder: Path) -> frozenset[str]:
    names = (path for path in folder.iterdir()) if folder.is_dir() else ()
    return frozenset(path.stem for path in names if path.suffix.lower() in SUFFIXES)
