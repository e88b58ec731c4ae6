"""Where the label file of each image of a YOLO data set is: in a folder `labels`, or beside the image."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection

_IN_IMAGES = re.compile(r"(.*/|)images(/.*)", re.IGNORECASE | re.DOTALL)
_IN_LABELS = re.compile(r"(.*/|)labels((?:/.*)?)", re.IGNORECASE | re.DOTALL)


def is_labels(folder: str) -> bool:
    """Whether a folder of that name holds label files: Windows writes `Labels` as well."""
    return folder.casefold() == "labels"


class LabelFiles:
    """The label files of a data set's images."""

    def __init__(self, images: Collection[str]) -> None:
        """`images` are their paths."""
        self._folders: dict[tuple[str, str], str] = {}
        self._are_beside = False
        self._are_beside = self._all_beside(images)

    def expected(self, image: str) -> str:
        """The label file of an image: the last folder `images` becomes `labels`; without one, the file beside it."""
        stem = os.path.splitext(image)[0]  # noqa: PTH122  a Path takes ten times as long, for each of thousands
        found = None if self._are_beside else _IN_IMAGES.fullmatch(stem)
        return f"{found[1]}{self._spelled(found[1], 'labels')}{found[2]}.txt" if found else f"{stem}.txt"

    def find(self, image: str) -> str:
        """As expected(), but where only Unicode's other way to write that name is there, as macOS leaves it, that."""
        path = self.expected(image)
        if path.isascii() or os.path.lexists(path):
            return path
        folder, name = os.path.split(path)
        twins = (os.path.join(folder, unicodedata.normalize(form, name)) for form in ("NFC", "NFD"))  # noqa: PTH118
        return next(filter(os.path.lexists, twins), path)

    def image_folder(self, labels: str) -> str:
        """Where the images of a folder of label files are: the reverse of expected()."""
        found = None if self._are_beside else _IN_LABELS.fullmatch(labels)
        return f"{found[1]}{self._spelled(found[1], 'images')}{found[2]}" if found else labels

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
