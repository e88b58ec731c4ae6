"""Where a YOLO data set keeps its images, labels, class names and splits: data.yaml, or the folders alone."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dataset_contract.class_names import class_name
from dataset_contract.findings import FindingLog
from dataset_prep.sources.source_files import SourceFolders
from dataset_prep.sources.yolo_images import SPLIT_NAMES, images_below, images_in_yaml, names_splits
from dataset_prep.sources.yolo_names import asked_names, names_beside, names_in_yaml
from dataset_prep.sources.yolo_yaml import find_yaml, read_yaml


@dataclass(frozen=True)
class YoloLayout:
    """The images of a YOLO data set with their splits (None where it has none), and its class names by index."""

    root: Path
    images: Mapping[str, str | None]
    """By the images' paths: texts, of which there are thousands, and a Path takes ten times as long to handle."""
    names: Mapping[int, str]
    folders: SourceFolders
    """What images and labels may be read from."""

    @cached_property
    def classes(self) -> Mapping[int, str]:
        """The classes that the names mean, by index."""
        return {index: class_name(name) for index, name in self.names.items()}

    def relative(self, path: str) -> str:
        """The path of an image or label file as findings name it: from the root, with forward slashes."""
        return _relative(path, self.root)


def read_layout(
    source: Path, classes: Sequence[str] | None, found: FindingLog, images: Sequence[Path] = ()
) -> YoloLayout:
    """The layout of the data set at `source`; `classes` are the person's, for sets that name none.

    `images` are further folders that data.yaml and lists may lead to; without, nothing outside of the source's folder
    is read.

    Raises UsageError if the classes' names are not known, PrepError if data.yaml or a list cannot be read.
    """
    path = find_yaml(source)
    root = source if path is None else path.parent
    # The labels of the folder a/images are in a/labels. A file that the person names may be a link.
    labels = [Path(label_path(str(folder / "any"))).parent for folder in map(Path.absolute, images)]
    folders = SourceFolders([root, source, *images, *labels])
    if path is None:
        names = names_beside(root, folders) or asked_names(classes, source, None)
        return YoloLayout(root, _images_in_folders(root, found), names, folders)
    content = read_yaml(path, folders)
    names = names_in_yaml(content, path, found) or asked_names(classes, path, content.get("nc"))
    named = names_splits(content)
    listed = images_in_yaml(path, content, folders, found) if named else _images_in_folders(root, found)
    return YoloLayout(root, listed, names, folders)


def label_path(image: str) -> str:
    """The label file of an image: the last folder `images` becomes `labels`; without one, the file beside it."""
    stem = os.path.splitext(image)[0]  # noqa: PTH122  a Path takes ten times as long, for each of thousands
    before, images, after = f"{os.sep}{stem}".rpartition(f"{os.sep}images{os.sep}")
    return f"{before}{os.sep}labels{os.sep}{after}.txt".removeprefix(os.sep) if images else f"{stem}.txt"


def find_label(image: str) -> str:
    """As label_path, but where only Unicode's other way to write that name is there, as macOS leaves it, that file."""
    path = label_path(image)
    if path.isascii() or os.path.lexists(path):
        return path
    folder, name = os.path.split(path)
    twins = (os.path.join(folder, unicodedata.normalize(form, name)) for form in ("NFC", "NFD"))  # noqa: PTH118
    return next(filter(os.path.lexists, twins), path)


def _images_in_folders(root: Path, found: FindingLog) -> dict[str, str | None]:
    return {image: _split_in_path(_relative(image, root)) for image in images_below(root, found)}


def _relative(path: str, root: Path) -> str:
    """With forward slashes. os.path.relpath takes ten times as long, and thousands of images are below `root`."""
    start = "" if str(root) == os.curdir else f"{root}{os.sep}"
    below = path.startswith(start) and not path.startswith((os.sep, os.pardir), len(start))
    return (path[len(start) :] if below else os.path.relpath(path, root)).replace(os.sep, "/")


def _split_in_path(relative: str) -> str | None:
    folders = relative.lower().split("/")[:-1]
    return next((SPLIT_NAMES[part] for part in folders if part in SPLIT_NAMES), None)
