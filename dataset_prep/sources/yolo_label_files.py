"""Where the label file of each image of a YOLO data set is: in a folder `labels`, or beside the image."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import cached_property

from dataset_prep.sources.stale_paths import path_of_address

_IN_IMAGES = re.compile(r"(.*/|)images(/.*)", re.IGNORECASE | re.DOTALL)
_IN_LABELS = re.compile(r"(.*/|)labels((?:/.*)?)", re.IGNORECASE | re.DOTALL)


def is_labels(folder: str) -> bool:
    """Whether a folder of that name holds label files: Windows writes `Labels` as well."""
    return folder.casefold() == "labels"


class LabelFiles:
    """The label files of a data set's images."""

    def __init__(self, images: Collection[str]) -> None:
        """`images` are their paths."""
        self._images = images
        self._folders: dict[tuple[str, str], str] = {}
        self._others: dict[str, Mapping[str, str]] = {}
        self._are_beside = False
        self._are_beside = self._all_beside(images)

    def expected(self, image: str) -> str:
        """The label file of an image: the last folder `images` becomes `labels`; without one, the file beside it."""
        stem = os.path.splitext(image)[0]  # noqa: PTH122  a Path takes ten times as long, for each of thousands
        found = None if self._are_beside else _IN_IMAGES.fullmatch(stem)
        return f"{found[1]}{self._spelled(found[1], 'labels')}{found[2]}.txt" if found else f"{stem}.txt"

    def find(self, image: str) -> str:
        """As expected(), but where only another spelling of that name is there, that.

        macOS leaves Unicode's other way to write ü, and Label Studio writes the address of an image: a%20b.txt.
        """
        path = self.expected(image)
        folder, slash, name = path.rpartition(os.sep)
        others = self._others.get(folder)
        if others is None:
            others = self._others[folder] = _other_spellings(folder or slash or os.curdir)
        other = others.get(unicodedata.normalize("NFC", name)) if others else None
        if other is None or os.path.lexists(path) or (twin := f"{folder}{slash}{other}") in self._expected:
            return path
        return twin

    def image_folder(self, labels: str) -> str:
        """Where the images of a folder of label files are: the reverse of expected()."""
        found = None if self._are_beside else _IN_LABELS.fullmatch(labels)
        return f"{found[1]}{self._spelled(found[1], 'images')}{found[2]}" if found else labels

    @cached_property
    def _expected(self) -> frozenset[str]:
        """The label files that are some image's by their very name."""
        return frozenset(map(self.expected, self._images))

    def _all_beside(self, images: Collection[str]) -> bool:
        """Whether all label files are beside the images, though these are in folders called `images`."""
        in_images = [image for image in images if _IN_IMAGES.fullmatch(image)]
        if any(map(os.path.lexists, map(self.find, in_images))):
            return False
        return any(os.path.isfile(f"{os.path.splitext(image)[0]}.txt") for image in in_images)  # noqa: PTH113, PTH122

    def _spelled(self, parent: str, name: str) -> str:
        """How the folder `name` in `parent` is spelled: as it is there, if it is."""
        spelled = self._folders.get((parent, name))
        if spelled is None:
            try:
                there = sorted(entry for entry in os.listdir(parent or os.curdir) if entry.casefold() == name)  # noqa: PTH208
            except OSError:
                there = []
            spelled = self._folders[parent, name] = name if name in there or not there else there[0]
        return spelled


def _other_spellings(folder: str) -> Mapping[str, str]:
    """The files of a folder by the plain names that they are spellings of, but for those that are plain themselves."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  a Path takes ten times as long, for each of thousands
    except OSError:
        return {}
    odd = (name for name in names if not name.isascii() or "%" in name or "?" in name)
    return {_plain(name): name for name in odd}


def _plain(name: str) -> str:
    return re.split(r"[/\\]", unicodedata.normalize("NFC", path_of_address(name)))[-1]
