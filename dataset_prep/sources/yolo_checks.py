"""What a YOLO data set's folders tell before a label is read: labels without images, and images without labels."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from glob import escape
from itertools import filterfalse
from pathlib import Path

from dataset_contract.findings import FindingLog
from dataset_prep.sources.image_files import CONVERT, SUFFIXES, UNREAD
from dataset_prep.sources.source_files import is_hidden, report_linked_folder
from dataset_prep.sources.yolo_label_files import is_labels
from dataset_prep.sources.yolo_layout import YoloLayout

_NO_LABELS = re.compile(r"classes\.txt|(?:train|val|valid|validation|test)\.txt|readme\b.*\.txt", re.IGNORECASE)
_MOST = 0.5  # of the images


def check_folders(images: Sequence[str], layout: YoloLayout, found: FindingLog) -> None:
    """Report whatever the folders of `images`, all of the data set or the first of them, show."""
    _check_stems(images, layout, found)
    _check_orphans(layout, found)
    _check_labelled(images, layout, found)


def _check_labelled(images: Sequence[str], layout: YoloLayout, found: FindingLog) -> None:
    """Images without a label file: the labels were not copied, or are where YOLO does not look."""
    labelled: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for path in images:
        labelled[_folder(path)][path] = os.path.lexists(layout.labels.find(path))
    without = [path for flags in labelled.values() for path, there in flags.items() if not there]
    if len(without) == len(images):
        if len(images) < len(layout.images):  # the first few may well show nothing
            return
        above, slash, below = layout.labels.expected(images[0]).rpartition("labels/")
        if slash and os.path.isfile(dota := f"{above}labelTxt/{below}"):  # noqa: PTH113
            found.warning(
                "LABELS_ABSENT",
                f"None of the {len(images):,} images has a label file; {layout.relative(dota)} is of another format, "
                "that of DOTA's oriented boxes, which is not read.",
                "In your tool, such as Roboflow, export the annotations again as YOLOv8 with oriented boxes.",
            )
            return
        found.warning(
            "LABELS_ABSENT",
            f"None of the {len(images):,} images has a label file; that of {layout.relative(images[0])} would be "
            f"{layout.relative(layout.labels.expected(images[0]))}.",
            "Copy the label files to where YOLO looks for them, folders called labels beside images.",
        )
        return
    for folder, flags in labelled.items():
        if not any(flags.values()):
            place = layout.relative(folder or os.curdir)
            found.warning(
                "FOLDER_WITHOUT_LABELS",
                f"None of the {len(flags):,} images in {place} has a label file: all of them are background.",
                "Copy the folder's label files too, unless its images really show no object.",
                file=place,
            )
    if len(without) > _MOST * len(images) and len(images) == len(layout.images):
        image, labels = layout.relative(without[0]), layout.relative(layout.labels.expected(without[0]))
        found.warning(
            "LABELS_MOSTLY_ABSENT",
            f"{len(without):,} of the {len(images):,} images have no label file, such as {image}: no {labels}. "
            "Only a part of the label files was copied, it seems, or only a part of the images annotated.",
            "Copy the other label files too, or take out images that nobody looked at: they teach that they are empty.",
        )


def _folder(path: str) -> str:
    return os.path.dirname(path)  # noqa: PTH120  a Path takes ten times as long, for each of thousands


def _check_stems(images: Sequence[str], layout: YoloLayout, found: FindingLog) -> None:
    by_label = defaultdict(list)
    for path in images:
        by_label[layout.labels.expected(path)].append(path)
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
    folders = set(map(_folder, map(layout.labels.expected, layout.images)))
    for directory, inner, _ in _walk(str(layout.root)):
        folders |= {os.path.join(directory, name) for name in inner if is_labels(name)}  # noqa: PTH118
    expected = set(map(layout.labels.find, layout.images))
    stems = cache(_image_stems)
    linked = {folder for folder in folders if not layout.folders.hold(folder)}
    for folder in sorted(filter(os.path.lexists, linked)):
        report_linked_folder(layout.relative(folder), found)
    others = {path for folder in folders - linked for path in _texts_below(folder)} - expected
    for labels in sorted(map(Path, others)):
        place = layout.relative(str(labels))
        if _NO_LABELS.fullmatch(labels.name):
            continue
        # It may belong to an image that is in none of the splits.
        if labels.stem in stems(Path(layout.labels.image_folder(str(labels.parent)))):
            if labels.suffix != ".txt":
                message = f"{place} is not read: YOLO's label files end in .txt, in small letters."
                found.error("LABEL_MISPLACED", message, "Rename it.", file=place)
            continue
        if (unread := _unread_file(Path(layout.labels.image_folder(str(labels.parent))), labels.stem)) is not None:
            message = (
                f"{place} has no image of the same name but {unread.name}: {UNREAD[unread.suffix.lower()]} is not read."
            )
            found.error("LABEL_WITHOUT_IMAGE", message, f"{CONVERT}.", file=place)
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
            if name.lower().endswith(".txt") and not name.startswith("."):
                yield os.path.join(directory, name)  # noqa: PTH118


def _walk(folder: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As os.walk, without hidden folders, and with paths as a Path spells them: those in `.` without it."""
    for directory, folders, names in os.walk(folder or os.curdir):
        plain = "" if directory == os.curdir else directory.removeprefix(f"{os.curdir}{os.sep}")
        folders[:] = filterfalse(is_hidden, folders)
        yield plain, folders, names


def _image_stems(folder: Path) -> frozenset[str]:
    names = (path for path in folder.iterdir()) if folder.is_dir() else ()
    return frozenset(path.stem for path in names if path.suffix.lower() in SUFFIXES)


def _unread_file(folder: Path, stem: str) -> Path | None:
    """The file that may show the plan, but is of a kind that is not read."""
    files = folder.glob(f"{escape(stem)}.*") if folder.is_dir() else ()
    return next((path for path in sorted(files) if path.stem == stem and path.suffix.lower() in UNREAD), None)
