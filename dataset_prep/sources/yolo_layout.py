"""Where a YOLO data set keeps its images, labels, class names and splits: data.yaml, obj.data, or the folders alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dataset_contract.class_names import class_name
from dataset_contract.findings import FindingLog
from dataset_prep.errors import PrepError
from dataset_prep.sources.source_files import SourceFolders, folders_in
from dataset_prep.sources.yolo_darknet import find_darknet, read_darknet
from dataset_prep.sources.yolo_images import SPLIT_NAMES, images_below, images_in_yaml, names_splits
from dataset_prep.sources.yolo_label_files import LabelFiles
from dataset_prep.sources.yolo_labels import KeyPoints
from dataset_prep.sources.yolo_names import (
    agreed_names,
    asked_names,
    check_asked,
    name_files,
    names_in_list,
    names_in_yaml,
)
from dataset_prep.sources.yolo_yaml import find_yaml, read_yaml


@dataclass(frozen=True)
class YoloLayout:
    """The images of a YOLO data set with their splits (None where it has none), and its class names by index."""

    root: Path
    images: Mapping[str, str | None]
    """By the images' paths: texts, of which there are thousands, and a Path takes ten times as long to handle."""
    labels: LabelFiles
    names: Mapping[int, str]
    names_in: str
    """The file that names the classes."""
    folders: SourceFolders
    """What images and labels may be read from."""
    config: Path | None = None
    """Its data.yaml."""
    key_points: KeyPoints | None = None
    """Of each row, if data.yaml or the person says."""

    @cached_property
    def classes(self) -> Mapping[int, str]:
        """The classes that the names mean, by index."""
        return {index: class_name(name) for index, name in self.names.items()}

    def relative(self, path: str) -> str:
        """The path of an image or label file as findings name it: from the root, with forward slashes."""
        return _relative(path, self.root)


def read_layout(
    source: Path,
    classes: Sequence[str] | None,
    found: FindingLog,
    images: Sequence[Path] = (),
    key_points: KeyPoints | None = None,
) -> YoloLayout:
    """The layout of the data set at `source`; `classes` are the person's, for sets that name none.

    `images` are further folders that data.yaml and lists may lead to; without, nothing outside of the source's folder
    is read. `key_points` are the person's too.

    Raises UsageError if the classes' names are not known, PrepError if data.yaml or a list cannot be read.
    """
    config = find_yaml(source)
    root = source if source.is_dir() else source.parent
    # The labels of the folder a/images are in a/labels. A file that the person names may be a link.
    paths = LabelFiles(())
    beside = [Path(paths.expected(str(folder / "any"))).parent for folder in map(Path.absolute, images)]
    folders = SourceFolders([root, source, *images, *beside])
    lists = config or find_darknet(root)
    content: Mapping[str, Any] = {}
    if lists is not None:
        content = read_yaml(lists, folders) if config is not None else read_darknet(lists, folders)
    if lists is not None and names_splits(content):
        listed = images_in_yaml(lists, content, root, folders, found)
    else:
        listed = _images_in_folders(root, found)
    labels = LabelFiles(listed)
    named = names_in_yaml(content, lists, found) if lists is not None else {}
    places = [root, *([lists.parent] if lists is not None else []), *folders_in(root)]
    places += map(Path, dict.fromkeys(map(os.path.dirname, [*listed, *map(labels.expected, listed)])))
    name_lists = {path.resolve(): path for place in dict.fromkeys(places) for path in name_files(place)}.values()
    named_in = [(config, named)] if config is not None and named else []
    named_in += [(path, names_in_list(path, folders)) for path in name_lists]
    names, names_in = agreed_names([(_relative(str(path), root), listed) for path, listed in named_in])
    if names:
        check_asked(classes, names, names_in)
    else:
        names, names_in = asked_names(classes, config or source, content.get("nc")), "--classes"
    if key_points is None and config is not None:
        key_points = _key_points(content, config)
    return YoloLayout(root, listed, labels, names, names_in, folders, config, key_points)


def _key_points(content: Mapping[str, Any], config: Path) -> KeyPoints | None:
    """What `kpt_shape` of data.yaml says. Raises PrepError if it is not the shape of key points."""
    shape = content.get("kpt_shape")
    if shape in (None, "", []):
        return None
    match shape:
        case [str() as count, "2" | "3" as numbers] if count.isascii() and count.isdecimal() and 0 < len(count) < 5:
            return KeyPoints(int(count), int(numbers))
    raise PrepError(f"{config} has a kpt_shape that is not a list of a number of points and 2 or 3: correct it.")


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
